select file_id, cardinality(remarks) as remarks, array_join(remarks, ', ', '-') as told, contains(remarks, 'a') as has_a
from tbl_duff_files order by file_id
----
file_id,remarks,told,has_a
a,2,"a, b",true
b,0,,false
c,,,
d,1,header,false
