"""The report: one self-contained page that shows what a snapshot holds.

``rows`` and ``data`` read its figures, ``pictures`` draws them on ``canvas``, ``page`` puts them into the templates;
``stage`` keeps it in the store, ``glance`` is what a Prefect artifact shows of it.
"""
