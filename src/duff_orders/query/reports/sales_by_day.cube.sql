with lines as (
    select pa_date, sum(lines) as order_lines, sum(units) as units, sum(sales) as sales
    from line_cube where status_id in {sold_ids} and pa_date between :from and :to group by pa_date
), counted as (
    select pa_date, sum(orders) as orders from (
        select pa_date, orders from order_cube where mask & {sold_mask} <> 0 and pa_date between :from and :to
        union all
        select pa_date, count(distinct order_id) from spanning
        where mask & {sold_mask} <> 0 and pa_date between :from and :to group by pa_date
    ) group by pa_date
)
select pa_date, orders, order_lines, units, sales
from lines join counted using (pa_date)
order by pa_date desc
limit :limit
