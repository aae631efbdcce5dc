-- Which clients buy most? {Unsold} order lines do not count.
-- over star
-- page sql
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 10: the most rows
-- gives client_id bigint
-- gives client_name varchar
-- gives orders bigint
-- gives units bigint
-- gives sales decimal(38,4)
select
    c.client_id,
    c.client_name,
    count(distinct f.order_id) as orders,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales
from fact_orders f
join dim_clients c on c.client_id = f.client_id
join dim_status s on s.status_id = f.status_id
where s.status in {sold} and f.pa_date between :from and :to
group by c.client_id, c.client_name
order by sales desc, c.client_id
limit :limit
