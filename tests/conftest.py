"""What all tests share. Hypothesis profiles by ONEID_HYPOTHESIS: `dev` (200 examples, the default), `ci` (2,000, always the same ones;
the default where CI is set) and `by_hand` (100,000)."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("dev", max_examples=200, deadline=None)
settings.register_profile("ci", max_examples=2_000, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("by_hand", max_examples=100_000, deadline=None)
settings.load_profile(os.environ.get("ONEID_HYPOTHESIS") or ("ci" if os.environ.get("CI") else "dev"))
