-- What does each channel sell, and how large is its average order? {Unsold} order lines do not count.
-- over star
-- page sql
-- from date = 0001-01-01: the first day on which order lines appeared
-- to date = 9999-12-31: the last day
-- limit integer 1 to 10000 = 1000: the most rows
-- gives point_of_sale_channel varchar
-- gives orders bigint
-- gives units bigint
-- gives sales decimal(38,4)
-- gives average_order decimal(38,4)
select
    c.point_of_sale_channel,
    count(distinct f.order_id) as orders,
    sum(f.product_ccf) as units,
    sum(f.total_price) as sales,
    sum(f.total_price) / count(distinct f.order_id) as average_order
from fact_orders f
join dim_channels c on c.channel_id = f.channel_id
join dim_status s on s.status_id = f.status_id
where s.status in {sold} and f.pa_date between :from and :to
group by c.channel_id, c.point_of_sale_channel
order by sales desc, c.point_of_sale_channel
limit :limit
