"""Everything about apex that would be true without an orchestrator."""
