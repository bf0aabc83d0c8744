"""Kintsu for assistants: tools of the Model Context Protocol. Needs `pip install 'kintsu[mcp]'`."""
