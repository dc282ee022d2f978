from a4s_pipeline_tests.cli.conftest import _swift_retries, here, sandbox, site

__all__ = ["_swift_retries", "here", "sandbox", "site"]
