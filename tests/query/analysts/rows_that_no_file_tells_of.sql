select file_id from tbl_duff_files except select file_id from tbl_duff_rejected_rows order by file_id
----
file_id
d
