"""A library of songs to put files into, in a folder or on S3."""

from pathlib import Path

from apex_core.storage import Store


class Shelf:
    """A library to put files into, local or on S3."""

    def __init__(self, url: str) -> None:
        self.url = url
        if not url.startswith("s3://"):
            Path(url).mkdir(parents=True, exist_ok=True)

    def put(self, name: str, data: bytes = b"x") -> str:
        """The address of the new file."""
        if self.url.startswith("s3://"):
            Store.open(self.url).fs.pipe_file(f"{self.url}/{name}", data)
        else:
            path = Path(self.url, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return f"{self.url}/{name}"

    def remove(self, name: str) -> None:
        if self.url.startswith("s3://"):
            Store.open(self.url).fs.rm_file(f"{self.url}/{name}")
        else:
            Path(self.url, name).unlink()
