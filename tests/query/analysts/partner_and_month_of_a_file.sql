select regexp_extract(source_file, '^(\w+)/(\w+)[.]csv$', 1) as partner, regexp_extract(source_file, '^(\w+)/(\w+)[.]csv$', 2) as month,
  upper(substr(source_file, 1, 1)) || substr(split_part(source_file, '/', 1), 2) as shown
from tbl_duff_files order by file_id
----
partner,month,shown
kiosk,jan,Kiosk
b2b,feb,B2b
kiosk,feb,Kiosk
kiosk,mar,Kiosk
