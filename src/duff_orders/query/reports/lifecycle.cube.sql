select
    pa_date,
    sum(lines) as order_lines,
    coalesce(sum(lines) filter (status_id = {status_id}), 0) as {status},
    cast(coalesce(sum(lines) filter (status = 'delivered'), 0) / sum(lines) as decimal(38,4)) as delivered_share
from line_cube join dim_status using (status_id)
where pa_date between :from and :to
group by pa_date
order by pa_date desc
limit :limit
