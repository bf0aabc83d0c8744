"""What is built in: kind -> name -> "module:Class". One line per member; nothing is imported here.

Order matters only for reading: findings and repairs are sorted before they are compared.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BUILT_IN"]

BUILT_IN: Final[dict[str, dict[str, str]]] = {
    "summaries": {
        "counts": "kintsu.profile.summaries.counts:Counts",
        "extremes": "kintsu.profile.summaries.extremes:Extremes",
        "moments": "kintsu.profile.summaries.moments:Moments",
        "distinct": "kintsu.profile.summaries.distinct:Distinct",
        "quantiles": "kintsu.profile.summaries.quantiles:Quantiles",
        "top": "kintsu.profile.summaries.top:Top",
        "lengths": "kintsu.profile.summaries.lengths:Lengths",
        "votes": "kintsu.profile.summaries.votes:Votes",
        "values": "kintsu.profile.summaries.values:Values",
    },
    "detectors": {
        "spike": "kintsu.detect.spike:Spike",
        "multivariate": "kintsu.detect.multivariate:Multivariate",
        "contextual": "kintsu.detect.contextual:Contextual",
        "duplicate": "kintsu.detect.duplicate:Duplicate",
        "missing": "kintsu.detect.missing:Missing",
        "disguised_missing": "kintsu.detect.disguised_missing:DisguisedMissing",
        "type_mismatch": "kintsu.detect.type_mismatch:TypeMismatch",
        "format": "kintsu.detect.format:FormatMismatch",
        "unit": "kintsu.detect.unit:UnitMismatch",
        "typo": "kintsu.detect.typo:Typo",
        "rare_category": "kintsu.detect.rare_category:RareCategory",
        "text_anomaly": "kintsu.detect.text_anomaly:TextAnomaly",
        "outlier_numeric": "kintsu.detect.outlier_numeric:NumericOutlier",
        "source_conflict": "kintsu.detect.source_conflict:SourceConflict",
        "dependency": "kintsu.detect.dependency:DependencyViolation",
        "arithmetic": "kintsu.detect.arithmetic:ArithmeticViolation",
        "semantic_check": "kintsu.detect.semantic_check:SemanticCheck",
        "rule_violation": "kintsu.detect.rule_violation:RuleViolation",
        "order": "kintsu.detect.order:OrderViolation",
    },
    "healers": {
        "impute_model": "kintsu.heal.impute_model:ImputeModel",
        "impute_knn": "kintsu.heal.impute_knn:ImputeKnn",
        "impute_simple": "kintsu.heal.impute_simple:ImputeSimple",
        "cap": "kintsu.heal.cap:Cap",
        "scale": "kintsu.heal.scale:UndoScale",
        "drop_duplicates": "kintsu.heal.drop_duplicates:DropDuplicates",
        "null_token": "kintsu.heal.null_token:NullToken",
        "number_format": "kintsu.heal.number_format:NumberFormat",
        "date_format": "kintsu.heal.date_format:DateFormat",
        "unit": "kintsu.heal.unit:Unit",
        "pattern_format": "kintsu.heal.pattern_format:PatternFormat",
        "typo": "kintsu.heal.typo:TypoToNeighbour",
        "noise_operation": "kintsu.heal.noise_operation:NoiseOperation",
        "displaced": "kintsu.heal.displaced:Displaced",
        "split_glued": "kintsu.heal.split_glued:SplitGlued",
        "source_vote": "kintsu.heal.source_vote:SourceVote",
        "dependency_vote": "kintsu.heal.dependency_vote:DependencyVote",
        "formula": "kintsu.heal.derived:Formula",
        "derived_text": "kintsu.heal.derived:DerivedText",
    },
    "connectors": {
        "text": "kintsu.io.text.connector:TextConnector",
        "frames": "kintsu.io.frames:Frames",
        "sqlite": "kintsu.io.sqlite:Sqlite",
        "duckdb": "kintsu.io.duckdb:Duckdb",
        "parquet": "kintsu.io.parquet:Parquet",
        "arrow": "kintsu.io.arrow:Arrow",
        "excel": "kintsu.io.excel:Excel",
        "json": "kintsu.io.json:Json",
    },
    "notifiers": {
        "log": "kintsu.io.notify.log:LogNotifier",
        "webhook": "kintsu.io.notify.webhook:WebhookNotifier",
        "slack": "kintsu.io.notify.slack:SlackNotifier",
        "email": "kintsu.io.notify.email:EmailNotifier",
        "kafka": "kintsu.io.notify.kafka:KafkaNotifier",
        "airflow": "kintsu.io.notify.airflow:AirflowNotifier",
    },
}
