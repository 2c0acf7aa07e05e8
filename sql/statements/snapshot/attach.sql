ATTACH {{path}} AS snapshot
