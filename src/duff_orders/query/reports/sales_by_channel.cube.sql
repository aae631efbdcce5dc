with lines as (
    select channel_id, sum(units) as units, sum(sales) as sales
    from line_cube where status_id in {sold_ids} and pa_date between :from and :to group by channel_id
), counted as (
    select channel_id, sum(orders) as orders from (
        select channel_id, orders from order_cube where mask & {sold_mask} <> 0 and pa_date between :from and :to
        union all
        select channel_id, count(distinct order_id) from spanning
        where mask & {sold_mask} <> 0 and pa_date between :from and :to group by channel_id
    ) group by channel_id
)
select c.point_of_sale_channel, o.orders, l.units, l.sales, cast(l.sales / o.orders as decimal(38,4)) as average_order
from lines l join counted o using (channel_id) join dim_channels c using (channel_id)
order by l.sales desc, c.point_of_sale_channel
limit :limit
