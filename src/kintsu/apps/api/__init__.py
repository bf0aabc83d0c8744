"""The service: REST under /api/v1, for people, programs and the dashboard. Needs `pip install 'kintsu[serve]'`."""
