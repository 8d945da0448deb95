"""bench/compare on results that were written by hand.

  compare_test.py COMPARE
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

COMPARE = sys.argv.pop(1)


def benchmarks(**times):
    """Names with one time, or with those of repetitions, in microseconds."""
    rows = []
    for name, values in times.items():
        for value in values if isinstance(values, list) else [values]:
            rows.append(dict(name=name, run_name=name, run_type="iteration", cpu_time=value, real_time=99,
                             time_unit="us"))
        rows.append(dict(name=name + "_mean", run_name=name, run_type="aggregate", aggregate_name="mean", cpu_time=7,
                         time_unit="us"))
    return json.dumps({"context": {}, "benchmarks": rows}, indent=1)


def run_of_load(**members):
    return json.dumps({"requests_per_second": 1000, "errors": 0, "p50_us": 10, "p99_us": 20, "p999_us": 30,
                       "client_cpu_us_per_request": 5, "server_cpu_us_per_request": 9, "connections": 4, "pipeline": 1,
                       "size": 32, "rate": 0, "operations": {"encrypt": {}}, **members}) + "\n"


class CompareTest(unittest.TestCase):
    def compare(self, old, new, *options):
        with tempfile.TemporaryDirectory() as folder:
            paths = [pathlib.Path(folder, name) for name in ("old", "new")]
            for path, text in zip(paths, (old, new)):
                path.write_text(text)
            done = subprocess.run([sys.executable, COMPARE, *paths, *options], capture_output=True, text=True)
            return done.returncode, done.stdout + done.stderr

    def test_the_threshold_decides(self):
        old = benchmarks(seal=1.0, open=2.0)
        self.assertEqual(self.compare(old, benchmarks(seal=1.09, open=2.0))[0], 0)
        code, text = self.compare(old, benchmarks(seal=1.11, open=1.0))
        self.assertEqual(code, 1)
        self.assertRegex(text, r"seal cpu ns +1000 +1110 +1.110 +WORSE")
        self.assertRegex(text, r"open cpu ns +2000 +1000 +0.500 +better")
        self.assertEqual(self.compare(old, benchmarks(seal=1.11, open=2.0), "--threshold", "0.2")[0], 0)
        self.assertEqual(self.compare(old, benchmarks(seal=1.06, open=2.0), "--threshold", "0.05")[0], 1)

    def test_noise_excuses(self):
        old = benchmarks(seal=[1.0, 1.1, 1.6])
        code, text = self.compare(old, benchmarks(seal=[1.2, 1.3, 1.4]))
        self.assertEqual(code, 0, text)
        self.assertIn("±", text)
        self.assertEqual(self.compare(benchmarks(seal=[1.0, 1.1, 1.12]), benchmarks(seal=[1.29, 1.3, 1.31]))[0], 1)

    def test_a_load_is_worse_with_fewer_requests_or_more_processor_time(self):
        old = run_of_load()
        self.assertEqual(self.compare(old, old)[0], 0)
        for worse in (dict(requests_per_second=800), dict(server_cpu_us_per_request=10), dict(p99_us=23),
                      dict(errors=1)):
            self.assertEqual(self.compare(old, run_of_load(**worse))[0], 1, worse)
        for not_judged in (dict(requests_per_second=2000), dict(p999_us=300), dict(client_cpu_us_per_request=50)):
            self.assertEqual(self.compare(old, run_of_load(**not_judged))[0], 0, not_judged)

    def test_lines_are_repetitions(self):
        old = run_of_load(p99_us=10) + run_of_load(p99_us=20) + run_of_load(p99_us=30)
        code, text = self.compare(old, run_of_load(p99_us=25) + run_of_load(p99_us=26))
        self.assertEqual(code, 0, text)
        self.assertRegex(text, r"encrypt 32 B, 4x1 p99_us +20 +25.5 +1.275 ± 50.0%")

    def test_what_cannot_be_compared(self):
        good = benchmarks(seal=1.0)
        for other in ("", "{", "[]", "{}", benchmarks(open=1.0), run_of_load()):
            self.assertEqual(self.compare(good, other)[0], 2, other)
        code, text = self.compare(good, benchmarks(seal=1.0, open=1.0))
        self.assertEqual((code, "only in NEW: open cpu ns" in text), (0, True))


unittest.main()
