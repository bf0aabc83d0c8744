"""Public conformance checks for plug-in authors. They raise AssertionError with the law that was broken."""

from kintsu.testing.checks import check_detector, check_healer, check_summary

__all__ = ["check_detector", "check_healer", "check_summary"]
