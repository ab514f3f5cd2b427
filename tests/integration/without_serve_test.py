"""Without PCNET_WITH_SERVE, `serve` says so before it looks at anything."""

import unittest

from program import run


class WithoutServe(unittest.TestCase):
    def test_serve_says_what_is_missing(self):
        result = run("serve", "no_such_run")
        self.assertEqual(result.returncode, 2)
        self.assertIn("PCNET_WITH_SERVE=ON", result.stderr)


if __name__ == "__main__":
    unittest.main()
