"""Printed tables of multinomial fits with standard errors, and the data that they are fits to.

Each has its source.  What is printed is typed in digit by digit: it tells how many of them hold.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd


@dataclass
class Published:
    """A fit in print: data, and coefficients and standard errors as printed, class by class."""

    source: str
    X: pd.DataFrame
    y: np.ndarray
    counts: np.ndarray | None
    base: object
    coef: dict  # class -> "coefficients, the intercept first"
    se: dict


def dummies(column, *values):
    return {value: (column == value).astype(float) for value in values}


# A. Agresti (2002), "Categorical Data Analysis", 2nd ed., table 7.1: primary food of 219 alligators
# (fish, invertebrates, reptiles, birds, other), by lake, sex and size; fit in table 7.2.
_GATORS = """
Hancock male small 7 1 0 0 5
Hancock male large 4 0 0 1 2
Hancock female small 16 3 2 2 3
Hancock female large 3 0 1 2 3
Oklawaha male small 2 2 0 0 1
Oklawaha male large 13 7 6 0 0
Oklawaha female small 3 9 1 0 2
Oklawaha female large 0 1 0 1 0
Trafford male small 3 7 1 0 1
Trafford male large 8 6 6 3 5
Trafford female small 2 4 1 1 4
Trafford female large 0 1 0 0 0
George male small 13 10 0 2 2
George male large 9 0 0 1 2
George female small 3 9 1 0 1
George female large 8 1 0 0 1
"""


def gators(with_sex=False):
    """Return X, y and counts of the alligators; cells with a count of 0 are left out."""
    foods = ["fish", "invertebrate", "reptile", "bird", "other"]
    cells = [line.split() for line in _GATORS.strip().splitlines()]
    rows = [
        (*cell[:3], food, float(n))
        for cell in cells
        for food, n in zip(foods, cell[3:], strict=True)
    ]
    table = pd.DataFrame(rows, columns=["lake", "sex", "size", "food", "n"])
    table = table[table.n > 0].reset_index(drop=True)
    lakes = dummies(table["lake"], "Hancock", "Oklawaha", "Trafford")
    X = pd.DataFrame(dummies(table["size"], "small") | lakes)
    if with_sex:
        X["male"] = (table["sex"] == "male").astype(float)
    return X, table["food"].to_numpy(), table["n"].to_numpy()


# A. Agresti (2007), "An Introduction to Categorical Data Analysis", 2nd ed., table 6.3: belief in
# afterlife (yes, undecided, no) by sex and race; fit in table 6.4.
_AFTERLIFE = [[371, 49, 74], [250, 45, 71], [64, 9, 15], [25, 5, 13]]


def afterlife():
    groups = [(female, white) for white in (1.0, 0.0) for female in (1.0, 0.0)]
    X = pd.DataFrame([group for group in groups for _ in range(3)], columns=["female", "white"])
    return X, np.array(["yes", "undecided", "no"] * 4), np.ravel(_AFTERLIFE).astype(float)


# The same, table 6.1: lengths, in metres, and primary food of 59 alligators; the fit is SAS's as
# shown by UCLA's pages on that book, chapter 8 of the 1st ed.
_LENGTHS = """
1.24 I 1.30 I 1.30 I 1.32 F 1.32 F 1.40 F 1.42 I 1.42 F 1.45 I 1.45 O 1.47 I 1.47 F 1.50 I 1.52 I
1.55 I 1.60 I 1.63 I 1.65 O 1.65 I 1.65 F 1.65 F 1.68 F 1.70 I 1.73 O 1.78 I 1.78 I 1.78 O 1.80 I
1.80 F 1.85 F 1.88 I 1.93 I 1.98 I 2.03 F 2.03 F 2.16 F 2.26 F 2.31 F 2.31 F 2.36 F 2.36 F 2.39 F
2.41 F 2.44 F 2.46 F 2.56 O 2.67 F 2.72 I 2.79 F 2.84 F 3.25 O 3.28 O 3.33 F 3.56 F 3.58 F 3.66 F
3.68 O 3.71 F 3.89 F
"""


def lengths():
    words = _LENGTHS.split()
    return pd.DataFrame({"length": np.array(words[::2], dtype=float)}), np.array(words[1::2])


# High School and Beyond, 200 students: program (academic, general, vocation), socioeconomic status
# (low, middle, high) and writing score; "Multinomial logistic regression, Stata data analysis
# examples", UCLA Statistical Consulting Group, whose output the fit is.
_STUDENTS = """
vl35 gm33 vh39 vl37 vm31 gh36 vm36 vm31 vm41 vm37 vl44 ah33 vl31 vm44 vl35 gl44 gl46 vm46 am46 vh49
gm39 vm44 vl47 vl44 al37 ah38 gl49 gm44 al41 al50 gm44 vl39 al40 al46 vm41 vm39 vm33 ah59 gl41 am47
gm31 ah42 al55 vh40 al44 vl54 vm46 gl54 vm42 am49 am41 vm41 gl44 al57 am52 gl49 ah41 gh57 vl62 gh33
vm54 am40 ah52 vm57 vm49 vm46 gl57 am49 am52 gm53 ah54 am57 ah41 gl52 vm57 gl54 vm52 gm52 gm44 am46
vl49 am54 ah52 gl44 vh49 al46 gm54 gm39 gm59 vm45 vh52 gh54 vh44 am50 vm62 gm59 am52 vm52 vm46 gm41
am52 vm52 vm55 vm41 gm49 al59 gl54 gm54 am59 am55 al62 am54 am54 am54 am59 vm57 ah61 ah52 am59 am62
vl60 am59 am65 ah61 am59 ah59 am59 am59 am65 ah57 am59 ah49 gl49 ah59 am62 gh59 am54 ah63 al43 ah54
ah52 al57 gm57 gm57 am61 gm62 gm62 gl65 am57 ah59 am59 ah62 am65 vm62 gl62 am62 ah54 ah62 al65 ah62
gh67 gh65 al60 ah59 am59 vm59 gh65 ah62 ah65 gh59 gl59 ah61 al65 vh67 ah65 al65 am67 al65 al62 ah52
ah63 am59 ah65 gm59 ah67 ah67 ah60 ah67 ah62 am54 ah65 ah62 am59 ah60 ah63 ah65 vm63 am67 am65 am62
"""


def students():
    words = _STUDENTS.split()
    ses = np.array([word[1] for word in words])
    write = [float(word[2:]) for word in words]
    X = pd.DataFrame({"middle": ses == "m", "high": ses == "h", "write": write}).astype(float)
    names = {"a": "academic", "g": "general", "v": "vocation"}
    return X, np.array([names[word[0]] for word in words])


# L. Spector and M. Mazzeo (1980), "Probit analysis and economic education", Journal of Economic
# Education 11, 37-44, as printed by W. Greene (2003), "Econometric Analysis", 5th ed., table F21.1:
# GPA, TUCE, PSI and whether the grade improved, of 32 students.  Stata's logit and margins, whose
# numbers are of float32, in which its twelve digits are those of the GPA.
_SPECTOR = """
2.66,20,0,0 2.89,22,0,0 3.28,24,0,0 2.92,12,0,0 4.00,21,0,1 2.86,17,0,0 2.76,17,0,0 2.87,21,0,0
3.03,25,0,0 3.92,29,0,1 2.63,20,0,0 3.32,23,0,0 3.57,23,0,0 3.26,25,0,1 3.53,26,0,0 2.74,19,0,0
2.75,25,0,0 2.83,19,0,0 3.12,23,1,0 3.16,25,1,1 2.06,22,1,0 3.62,28,1,1 2.89,14,1,0 3.51,26,1,0
3.54,24,1,1 2.83,27,1,1 3.39,17,1,1 2.67,24,1,0 3.65,21,1,1 4.00,23,1,1 3.10,21,1,0 2.39,19,1,1
"""


def spector():
    table = np.array([row.split(",") for row in _SPECTOR.split()], np.float32).astype(float)
    return pd.DataFrame(table[:, :3], columns=["GPA", "TUCE", "PSI"]), table[:, 3].astype(int)


# The satisfaction of 1681 residents of Copenhagen with their housing (low, medium, high), by their
# influence, the type of housing and contact with others: M. Madsen (1976), "Statistical analysis of
# multiple contingency tables", Scandinavian Journal of Statistics 3, 97-106, as `housing` in W. N.
# Venables and B. D. Ripley (2002), "Modern Applied Statistics with S", 4th ed., section 7.3; the
# fit is that of R's mclogit, `mblogit(Sat ~ Infl + Type + Cont, weights = Freq)`.
_HOUSING = """
21 21 28 34 22 36 10 11 36 61 23 17 43 35 40 26 18 54 13 9 10 8 8 12 6 7 9 18 6 7 15 13 13 7 5 11
14 19 37 17 23 40 3 5 23 78 46 43 48 45 86 15 25 62 20 23 20 10 22 24 7 10 21 57 23 13 31 21 13 5 6
13
"""


def housing():
    levels = ["low", "medium", "high"]
    kinds = ["tower", "apartment", "atrium", "terrace"]
    cells = list(product(["low", "high"], kinds, levels, levels))
    table = pd.DataFrame(cells, columns=["contact", "type", "influence", "satisfaction"])
    of_influence = dummies(table["influence"], "medium", "high")
    X = pd.DataFrame(of_influence | dummies(table["type"], *kinds[1:]))
    X["contact"] = (table["contact"] == "high").astype(float)
    return X, table["satisfaction"].to_numpy(), np.array(_HOUSING.split(), dtype=float)


# The work of 263 Canadian women in 1977 (not, part-time, full-time), whether children are present
# or absent, and the husband's income: `Womenlf` in R's carData, J. Fox (2016),
# "Applied Regression Analysis and Generalized Linear Models", 3rd ed., section 14.2.1.  The fit is
# that of R's `multinom`, to the digits that it is converged to.
_WOMEN = """
np15 np13 np45 np23 np19 np7 np15 fp7 np15 np23 np23 fp13 np9 np9 np45 np15 np5 np9 np13 na13 pa19
np23 fa10 fa11 np23 np23 np19 np19 np17 fp14 np13 np13 np15 na9 na9 na19 np15 fa20 np9 pa6 np9 pp4
pa28 np23 pp5 np28 np7 np7 np23 fa15 pp10 pp10 na9 na9 pp9 na17 np23 np23 np9 np9 fa9 fa28 pp10
pa23 np11 np15 np15 np19 np19 np23 np17 np17 np17 np17 np17 pp38 pp38 np7 np19 pp19 fa13 pp15 fp17
fp17 pp23 fa27 fp16 fa27 na35 na35 na35 pp9 pp9 pp9 np13 np17 np17 fa15 fa15 np15 fa11 np23 np15
na15 pa12 pa12 np13 np19 np19 np3 np9 fp17 np1 np1 pp13 np13 na19 na19 fa15 pp30 np9 np23 fa9 fa9
np13 pp13 np17 pp13 pp13 pp19 pp19 np3 fa14 fa14 fp11 fp11 pp14 np13 np28 np28 np14 np14 np11 np13
np13 pp11 pp11 np19 fa6 na28 fa13 fa13 na5 pp28 pp11 np23 pp15 np13 fa22 fa15 np15 np15 fp5 fa1 fa1
np9 np15 fa13 np19 pp8 fp7 np19 np7 fa9 fa9 fa24 np15 fa13 na13 fa13 fp17 fa16 fa18 fa18 na13 pp15
np13 np7 fp9 np23 np17 np15 np11 np17 np17 fp5 fp5 np26 fa10 fa11 fp20 np13 np15 np28 pp9 np19 np11
fa11 np9 fa10 np19 np13 fa3 np15 np15 pp17 np7 pa15 np19 fa16 na5 np11 np11 np19 np15 np15 np11 fa5
pp23 pp23 np7 np13 fa15 fa5 np7 fa6 fp5 fp5 np13 np13 np13 na13 np17 fp6 np5 pp19 fp3 na23 na23
fa15 na11 na23 np13 pp23 fa11 na9 fa2 np15 na15 np15 np11 na11 np15
"""


def women():
    words, work = _WOMEN.split(), {"n": "not", "p": "part-time", "f": "full-time"}
    X = {"income": [float(word[2:]) for word in words]}
    X["children"] = [float(word[1] == "p") for word in words]
    return pd.DataFrame(X), np.array([work[word[0]] for word in words])


# D. J. Finney (1947), "The estimation from individual records of the relationship between dose and
# quantal response", Biometrika 34, 320-334: volume and rate of air inspired, and vasoconstriction
# in the skin, in 39 tests; the fit to their logarithms is that of R's glm, of deviance 29.23 as in
# D. Pregibon (1981), "Logistic regression diagnostics", Annals of Statistics 9, 705-724.
_VASO = """
3.7,0.825,1 3.5,1.09,1 1.25,2.5,1 0.75,1.5,1 0.8,3.2,1 0.7,3.5,1 0.6,0.75,0 1.1,1.7,0 0.9,0.75,0
0.9,0.45,0 0.8,0.57,0 0.55,2.75,0 0.6,3,0 1.4,2.33,1 0.75,3.75,1 2.3,1.64,1 3.2,1.6,1 0.85,1.415,1
1.7,1.06,0 1.8,1.8,1 0.4,2,0 0.95,1.36,0 1.35,1.35,0 1.5,1.36,0 1.6,1.78,1 0.6,1.5,0 1.8,1.5,1
0.95,1.9,0 1.9,0.95,1 1.6,0.4,0 2.7,0.75,1 2.35,0.03,0 1.1,1.83,0 1.1,2.2,1 1.2,2,1 0.8,3.33,1
0.95,1.9,0 0.75,1.9,0 1.3,1.625,1
"""


def vaso():
    table = np.array([row.split(",") for row in _VASO.split()], dtype=float)
    X = pd.DataFrame(np.log(table[:, :2]), columns=["log volume", "log rate"])
    return X, table[:, 2].astype(int)


SPECTOR_COV = np.array(
    [
        [24.3179625937, -4.57347950298, -0.346255757562, -2.35916128427],
        [-4.57347950298, 1.59502033639, -0.036920566629, 0.427615725153],
        [-0.346255757562, -0.036920566629, 0.0200375937069, 0.0149126464275],
        [-2.35916128427, 0.427615725153, 0.0149126464275, 1.13329715236],
    ]
)
# at, discrete -> effects and standard errors by `margins`, whose derivatives are numerical: six
# decimals can be trusted, 0.36258085 being 0.36258086.
SPECTOR_EFFECTS = {
    ("average", None): ("0.362581 0.012208 0.305178", "0.109441 0.017794 0.092380"),
    ("mean", None): ("0.533859 0.017975 0.449339", "0.237038 0.026237 0.196763"),
    ("median", None): ("0.250095 0.008421 0.210500", "0.154671 0.013431 0.092818"),
    ("average", "PSI"): ("0.362581 0.012208 0.357515", "0.109441 0.017794 0.142003"),
    ("mean", "PSI"): ("0.533859 0.017975 0.456498", "0.237038 0.026237 0.181054"),
    ("a row", None): ("0.251051 0.008453 0.211305", "0.173578 0.012017 0.097151"),
}

PUBLISHED = {
    "alligators": Published(
        "Agresti (2002), table 7.2",
        *gators(),
        base="fish",
        coef={
            "bird": "-2.09 -0.63 0.70 -0.65 1.09",
            "invertebrate": "-1.55 1.46 -1.66 0.94 1.12",
            "other": "-1.90 0.33 0.83 0.01 1.52",
            "reptile": "-3.31 -0.35 1.24 2.46 2.94",
        },
        se={
            "bird": "0.66 0.64 0.78 1.20 0.84",
            "invertebrate": "0.42 0.40 0.61 0.47 0.49",
            "other": "0.53 0.45 0.56 0.78 0.62",
            "reptile": "1.05 0.58 1.19 1.12 1.12",
        },
    ),
    "afterlife": Published(
        "Agresti (2007), table 6.4",
        *afterlife(),
        base="no",
        coef={"undecided": "-0.758 0.105 0.271", "yes": "0.883 0.419 0.342"},
        se={"undecided": "0.361 0.246 0.354", "yes": "0.243 0.171 0.237"},
    ),
    "lengths": Published(
        "SAS, proc logistic",
        *lengths(),
        counts=None,
        base="O",
        coef={"F": "1.6177 -0.1101", "I": "5.6974 -2.4654"},
        se={"F": "1.3073 0.5171", "I": "1.7938 0.8997"},
    ),
    "students": Published(
        "Stata, mlogit",
        *students(),
        counts=None,
        base="academic",
        coef={
            "general": "2.852186 -0.533291 -1.162832 -0.0579284",
            "vocation": "5.2182 0.2913931 -0.9826703 -0.1136026",
        },
        se={
            "general": "1.166439 0.4437321 0.5142195 0.0214109",
            "vocation": "1.163549 0.4763737 0.5955669 0.0222199",
        },
    ),
    "housing": Published(
        "R, mblogit",
        *housing(),
        base="low",
        coef={
            "medium": "-0.4192 0.4464 0.6649 -0.4357 0.1314 -0.6666 0.3609",
            "high": "-0.1387 0.7349 1.6126 -0.7356 -0.4080 -1.4123 0.4818",
        },
        se={
            "medium": "0.1729 0.1416 0.1863 0.1725 0.2231 0.2063 0.1324",
            "high": "0.1592 0.1369 0.1671 0.1553 0.2115 0.2001 0.1241",
        },
    ),
    "women": Published(
        "R, multinom",
        *women(),
        counts=None,
        base="not",
        coef={"part-time": "-1.4323 0.0069 0.0215", "full-time": "1.9828 -0.0972 -2.5586"},
        se={"part-time": "0.5925 0.0235 0.4690", "full-time": "0.4842 0.0281 0.3622"},
    ),
    "vaso": Published(
        "R, glm",
        *vaso(),
        counts=None,
        base=0,
        coef={1: "-2.875 5.179 4.562"},
        se={1: "1.321 1.865 1.838"},
    ),
    "spector": Published(
        "Stata, logit",
        *spector(),
        counts=None,
        base=0,
        coef={1: "-13.02134832 2.826112972 0.09515767026 2.378687728"},
        se={1: "4.931324629 1.262941145 0.1415542077 1.064564302"},
    ),
}


def as_printed(words):
    """Return numbers, and half a unit in the last digit of each."""
    words = words.split()
    last = [0.5 * 10.0 ** -len(word.partition(".")[2]) for word in words]
    return np.array(words, dtype=float), np.array(last)
