"""Golden folders: specs, and every byte that they compile to."""


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write what the compiler emits now as the expected files")
