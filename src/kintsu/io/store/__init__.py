"""The store: history, change sets and originals. One SQLite file and blobs by content hash.

Import from the modules: `kintsu.io.store.store` (Store), `.records` (Draft, Run), `.home` (where it lives).
"""
