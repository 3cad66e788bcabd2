"""Database URLs for the two drivers: psycopg takes `postgresql://`, SQLAlchemy wants the driver named."""


def psycopg_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{separator}{rest}"


def sqlalchemy_url(url: str) -> str:
    _, separator, rest = url.partition("://")
    return f"postgresql+psycopg{separator}{rest}"
