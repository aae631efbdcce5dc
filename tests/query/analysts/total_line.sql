select status, lines, sales from (
  select s.status, count(*) as lines, sum(f.total_price) as sales, 0 as part from fact_orders f join dim_status s using (status_id) group by s.status
  union all select 'total', count(*), sum(total_price), 1 from fact_orders) as u order by part, sales desc
----
status,lines,sales
delivered,8,110.4500
created,2,65.0000
broken,1,10.5000
total,11,185.9500
