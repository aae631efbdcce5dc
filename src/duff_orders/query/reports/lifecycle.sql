-- How far are the order lines that first appeared on each day, and which share is delivered?
-- over star
-- page sql
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 1000: the most rows
-- gives pa_date date
-- gives order_lines bigint
-- gives {status} bigint
-- gives delivered_share decimal(38,4)
select
    f.pa_date,
    count(*) as order_lines,
    count_if(s.status = '{status}') as {status},
    cast(count_if(s.status = 'delivered') as decimal(38,4)) / count(*) as delivered_share
from fact_orders f
join dim_status s on s.status_id = f.status_id
where f.pa_date between :from and :to
group by f.pa_date
order by f.pa_date desc
limit :limit
