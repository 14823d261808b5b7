"""scikit-learn's own tests of `LogisticRegression` hold for the classes here, but for those listed.

Its `test_logistic.py` is copied, the two class names are changed and nothing else, and pytest runs
the copy in a process of its own.  What fails has to be what `EXPECTED` lists, each with a reason.
Those of the array API run with each of its libraries that is installed.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import sklearn

import softmax_reg

SERIES = "1.9"  # the series of scikit-learn whose tests `EXPECTED` knows
SOURCE = Path(sklearn.__file__).parent / "linear_model" / "tests" / "test_logistic.py"
NAMES = re.compile(r"\bLogisticRegression(CV)?\b")
IMPORT = "from sklearn.linear_model import SoftmaxRegression, SoftmaxRegressionCV, SGDClassifier\n"
OURS = (
    "from sklearn.linear_model import SGDClassifier\n"
    "from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV\n"
)

WORDING = "the wording of a ConvergenceWarning; ours says how far the fit is from the optimum"
DEPRECATION = "a deprecation of scikit-learn's: the parameter is not deprecated here"
LIBLINEAR = "a limit of liblinear, sag or saga, whose names count as solver='auto'"
DUAL = "dual=True is an error: the dual problem has the same optimum"
INTERNAL = "a private function or attribute of scikit-learn's class"
UNFINISHED = "digits of a fit that was stopped early, which depend on the path to the optimum"
OLDER_WORD = "the name of a solver that there is only in scikit-learn brings a warning"
ELASTIC_NET = "penalty='elasticnet' is the default here, so that l1_ratio=None counts as 0"
DEFAULT = "l1_ratio=0 is the default and contradicts no penalty"
ONE_CLASS = "a fold that trains on one class is an error that names the fold"

# What fails, by regular expression on the name with its parameters, and why.
EXPECTED = {
    r"test_max_iter\[.*": WORDING,
    r"test_newton_cholesky_fallback_to_lbfgs": "there is no fallback, and so no count of it",
    r"test_penalty_deprecated\[.*": DEPRECATION,
    r"test_l1_ratio_None_deprecated": DEPRECATION,
    r"test_logisticregressioncv_warns_with_use_legacy_attributes": DEPRECATION,
    r"test_lr_scoring_warns": DEPRECATION,
    r"test_check_solver_option\[.*": LIBLINEAR,
    r"test_dtype_match\[.*-liblinear\]": LIBLINEAR,
    r"test_large_sparse_matrix\[.*-(liblinear|sag|saga)\]": LIBLINEAR,
    r"test_liblinear_multiclass_raises\[.*": LIBLINEAR,
    r"test_liblinear_with_large_values": LIBLINEAR,
    r"test_liblinear_dual_random_state\[.*": DUAL,
    r"test_logisticregression_liblinear_sample_weight\[.*-params1\]": DUAL,
    r"test_sample_and_class_weight_equivalence_liblinear\[.*": DUAL,
    r"test_get_default_scorer": INTERNAL,
    r"test_logistic_cv_multinomial_score\[.*": INTERNAL,
    r"test_logreg_predict_proba_multinomial\[.*": INTERNAL,
    r"test_logistic_regression_callback_support\[.*": "the number of scikit-learn's empty tasks",
    r"test_logistic_regression_callback_support_warning": "callbacks work with every solver here",
    r"test_warm_start_newton_solver\[.*-newton-cg\]": UNFINISHED,
    r"test_scores_attribute_layout_elasticnet": UNFINISHED,
    r"test_c_inf_no_warning\[saga?\]": OLDER_WORD,
    r"test_elasticnet_l1_ratio_err_helpful\[.*": ELASTIC_NET,
    r"test_lr_penalty_l1ratio_incompatible\[l1-0.0\]": DEFAULT,
    r"test_logistic_cv_folds_with_classes_missing\[2-.*": ONE_CLASS,
}
AT_LEAST = 305  # passed with 1.9.1, of 373


def swapped(folder):
    """Write the copy with the class names changed, and what pytest needs to run it."""
    text = NAMES.sub(r"SoftmaxRegression\1", SOURCE.read_text(encoding="utf-8"))
    assert text.count(IMPORT) == 1
    (folder / "test_swapped.py").write_text(text.replace(IMPORT, OURS), encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")


def outcomes(folder):
    """Return {name of a test in the copy: whether it passed}, of those not skipped."""
    options = ["-p", "sklearn.conftest", "-p", "no:cacheprovider", "-p", "no:xdist", "-q"]
    options += ["--junitxml", "out.xml", "test_swapped.py"]
    package = str(Path(softmax_reg.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": package, "SKLEARN_TESTS_GLOBAL_RANDOM_SEED": "42"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    cases = ElementTree.parse(folder / "out.xml").iter("testcase")
    return {
        case.get("name"): case.find("failure") is None and case.find("error") is None
        for case in cases
        if case.find("skipped") is None
    }


@pytest.mark.slow
def test_scikit_learns_own_tests_hold_but_for_those_listed(tmp_path):
    if sklearn.__version__.split(".")[:2] != SERIES.split("."):
        pytest.skip(f"version: the tests of scikit-learn {SERIES} are known, not others")
    if not SOURCE.is_file():
        pytest.skip(f"version: this scikit-learn has no {SOURCE.name}")
    swapped(tmp_path)
    found = outcomes(tmp_path)
    expected = {
        pattern: [name for name in found if re.fullmatch(pattern, name)] for pattern in EXPECTED
    }
    assert [pattern for pattern, names in expected.items() if not names] == []
    failed = sorted(name for name, passed in found.items() if not passed)
    assert failed == sorted(set().union(*expected.values()))
    assert sum(found.values()) >= AT_LEAST
