"""Pages: private files, the job centre, exports, imports."""
