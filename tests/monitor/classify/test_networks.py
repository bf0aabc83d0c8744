"""Networks that join the trees: learnt by torch, kept as arrays, asked without torch."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from labelled import SMALL, small_cases

from kintsu.core.errors import InputError, MissingExtra
from kintsu.monitor.classify import networks
from kintsu.monitor.classify.model import CLASSES, IssueModel
from kintsu.monitor.classify.networks import Networks, train_networks
from kintsu.monitor.classify.train import fit

X = np.random.default_rng(4).normal(size=(600, 5))


def label(x):
    """Three classes; no plane cuts off the last one."""
    return (x[:, 0] > 0) * 1 + (np.abs(x[:, 1]) > 1) * (x[:, 0] > 0)


def trained(steps):
    pytest.importorskip("torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "STEPS", steps)
        return train_networks(X, label(X), np.ones(len(X)), 3, n_members=2, seed=0)


def test_they_learn_classes_that_no_plane_divides():
    fresh = np.random.default_rng(5).normal(size=(400, 5))
    made = trained(200)
    p = made.shares(fresh)
    np.testing.assert_allclose(p.sum(1), 1)
    assert (p.argmax(1) == label(fresh)).mean() > 0.85
    assert made.shares(fresh[:0]).shape == (0, 3)


def test_numpy_says_what_torch_says():
    torch = pytest.importorskip("torch")
    made = trained(20)
    z = torch.tensor(networks._scaled(X[:50], made.centre, made.scale), dtype=torch.float32)
    out = []
    for i in range(6):
        first = torch.relu(z @ torch.tensor(made.w1[i]) + torch.tensor(made.b1[i]))
        second = first + torch.relu(first @ torch.tensor(made.w2[i]) + torch.tensor(made.b2[i]))
        out.append(torch.sigmoid(second @ torch.tensor(made.w3[i]) + torch.tensor(made.b3[i])).numpy())
    mean = np.array([(out[k] + out[k + 3]) / 2 for k in range(3)]).T
    np.testing.assert_allclose(made.shares(X[:50]), mean / mean.sum(1, keepdims=True), atol=1e-4)


def test_broken_arrays_are_refused():
    made = trained(2)
    held = made.arrays("n_")
    np.testing.assert_array_equal(Networks.read(held, "n_", 5, 3).shares(X), made.shares(X))
    for wrong in ({"n_b3": made.b3[:5]}, {"n_w1": made.w1 * np.nan}, {"n_scale": made.scale * 0}):
        with pytest.raises(InputError):
            Networks.read(held | wrong, "n_", 5, 3)
    with pytest.raises(InputError):
        Networks.read(held, "n_", 6, 3)


def test_a_model_with_networks_is_saved_and_asked_without_torch(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(networks, "STEPS", 40)
    model = replace(fit(small_cases(), replace(SMALL, n_networks=1))[0], network_share=0.5)
    model.save(tmp_path / "m.npz")
    again = IssueModel.load(tmp_path / "m.npz")
    x = small_cases().x.astype(float)
    p = again.probabilities(x)
    np.testing.assert_array_equal(p, model.probabilities(x))
    assert p.shape == (len(x), len(CLASSES)) and np.abs(p - replace(again, networks=None).probabilities(x)).max() > 0.01
    code = (
        "import sys, numpy as np; from pathlib import Path; from kintsu.monitor.classify.model import IssueModel\n"
        f"IssueModel.load(Path({str(tmp_path / 'm.npz')!r})).probabilities(np.zeros((1, {x.shape[1]})))\n"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_without_torch_networks_cannot_be_trained(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"kintsu\[deep\]"):
        train_networks(X, label(X), np.ones(len(X)), 3, n_members=1, seed=0)
