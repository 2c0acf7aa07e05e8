DETACH snapshot
