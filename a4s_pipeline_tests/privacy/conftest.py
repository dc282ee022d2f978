from a4s_pipeline_tests.cli.conftest import _swift_retries, here

__all__ = ["_swift_retries", "here"]
