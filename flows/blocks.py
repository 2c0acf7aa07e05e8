"""Blocks that Prefect lacks. Its server finds them by the entry point ``prefect.collections``."""

from prefect.blocks.notifications import AppriseNotificationBlock


class Mail(AppriseNotificationBlock):
    """E-mail by one's own mail server; ``url`` is apprise's ``mailtos://user:password@host?from=…&to=…``."""

    _block_type_name = "Mail by apex"
    _block_type_slug = "apex-mail"
