"""The compilation cache: damaged entries go, whole ones stay, and a folder that cannot be had is no reason to stop."""

import os
import zlib

import jax
import pytest

from sparserl.worker.compilation import use_compilation_cache


@pytest.fixture(autouse=True)
def _same_settings_afterwards(monkeypatch):
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    names = ("compilation_cache_dir", "persistent_cache_min_compile_time_secs", "persistent_cache_min_entry_size_bytes")
    names += ("enable_compilation_cache",)
    before = {name: getattr(jax.config, f"jax_{name}") for name in names}
    yield
    for name, value in before.items():
        jax.config.update(f"jax_{name}", value)


def test_damaged_entries_go(tmp_path):
    whole = zlib.compress(b"program" * 1000)
    contents = {"whole-cache": whole, "cut-cache": whole[:-7], "empty-cache": b"", "other.txt": b"not an entry"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    assert use_compilation_cache(tmp_path) == tmp_path
    assert {path.name for path in tmp_path.iterdir()} == {"whole-cache", "other.txt", "checked"}
    assert jax.config.jax_compilation_cache_dir == str(tmp_path)


def test_only_entries_since_the_last_start_are_checked(tmp_path):
    use_compilation_cache(tmp_path)
    for name, age in (("old-cache", 3600), ("new-cache", 0)):
        (tmp_path / name).write_bytes(b"cut short")
        changed = (tmp_path / "checked").stat().st_mtime - age
        os.utime(tmp_path / name, (changed, changed))
    use_compilation_cache(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"old-cache", "checked"}


def test_a_cache_that_cannot_be_had(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("in its place")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert use_compilation_cache() is None
    assert not jax.config.jax_enable_compilation_cache
    assert capfd.readouterr().err.count("programs are compiled anew") == 1


def test_folder_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "")  # as if unset
    folder = use_compilation_cache()
    assert folder.parent == tmp_path / "sparserl"
    assert folder.name.startswith("xla-")
