"""Alerts: rules as data, judged by the ledger's sums, each fired once, recorded, and told where the rule says.

`evaluation.evaluate` judges and writes down, `channels.send` tells the channels outside this program; `ingest` calls
both.
"""
