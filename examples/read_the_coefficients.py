"""What has a model learned, and where is it wrong?

The coefficients as a table, as bars and as images of the pixels that speak for each digit; the
overview of the fit; and the confusion matrix. Writes read_the_coefficients.png.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits, load_wine
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from softmax_reg import CoefficientDisplay, SoftmaxRegression

# A table with named columns: what speaks for each kind of wine.
X, y = load_wine(return_X_y=True, as_frame=True)
wine = SoftmaxRegression(standardize=True, C=0.1).fit(X, y)
print(wine.summary(X, y))
print("\nChange of each score when a feature grows by its standard deviation:\n")
print(wine.coef_frame(units="deviation").round(2))

# Images: 64 pixels, as bright as the ink is dark.
pixels, digits = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    pixels, digits, test_size=0.3, stratify=digits, random_state=0
)
images = SoftmaxRegression(C=0.01).fit(X_train, y_train)
print(f"\nDigits: accuracy on {len(y_test)} other images {images.score(X_test, y_test):.3f}")

figure = plt.figure(figsize=(12, 10), layout="constrained")
top, middle, bottom = figure.subfigures(3, 1, height_ratios=(3, 3, 5))
CoefficientDisplay.from_estimator(wine, top=6, axes=top.subplots(1, 3))
top.suptitle("Kinds of wine: the six largest coefficients")
CoefficientDisplay.from_estimator(images, shape=(8, 8), axes=middle.subplots(2, 5))
middle.suptitle("Digits: pixels that speak for (warm) and against (blue, dash)")
ConfusionMatrixDisplay.from_estimator(
    images, X_test, y_test, ax=bottom.subplots(), cmap="Greys", colorbar=False
)
bottom.suptitle("Digits that the model has not seen: which is taken for which")
figure.savefig("read_the_coefficients.png", dpi=110)
print("\nBars, images and the confusion matrix: read_the_coefficients.png")
