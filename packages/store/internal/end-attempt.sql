-- Ends the attempts that these lanes hold, decides what becomes of their work and clears the leases; the caller has locked
-- the lanes and knows that the attempts are over. One body for finish, release and recovery, so that they can't drift apart:
--   succeeded | failed | cancelled   the work is over
--   retried | lost                   another attempt follows after a pause, while strikes last; then a dead letter
--   released                         another attempt follows at once and nothing counts
-- A loss after progress (a checkpoint that no earlier attempt had, see save_checkpoint) costs no strike; the hard caps on
-- attempts and on time end even work that always progresses and then kills its worker.
--
-- `p_events` says how many events the caller has appended to each lane in this call: the fact stands behind them. All of
-- it is one statement, see append_under_leases. `p_beside` are lanes that the caller holds without ending anything there:
-- whoever gave room meanwhile passed over them. Returns what became of each.
create or replace function internal.end_attempts(p_lanes cowork.lanes[], p_outcomes text[], p_reasons text[], p_events integer[],
  p_batch_nos bigint[], p_beside uuid[] default '{}')
returns text[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := cowork.now();
  v_decisions text[] := p_outcomes;
  v_strikes integer[];
  v_waits_ms double precision[];
  v_exhausted text[];
  v_org record;
begin
  -- Only what another attempt may follow has to be thought about.
  if p_outcomes && array['retried', 'lost', 'released'] then
    with input as (
      select l.work_id, l.attempt, l.ordinality as n, p_outcomes[l.ordinality] as outcome, p_reasons[l.ordinality] as given
        from unnest((select p_lanes)) with ordinality l
    ), counted as materialized (
      select i.*, f.pause_ms, f.pause_most_ms, w.strikes + case when i.outcome in ('retried', 'lost') and not exists (
          select from cowork.attempts a where a.work_id = i.work_id and a.attempt = i.attempt
            and a.checkpoint_version > (
              select coalesce(max(e.checkpoint_version), 0) from cowork.attempts e
                where e.work_id = i.work_id and e.attempt < i.attempt)) then 1 else 0 end as strikes
        from input i join cowork.work w on w.work_id = i.work_id left join cowork.failures f on f.reason = i.given
    ), capped as (
      -- What a person gave another life has all its attempts and all its time again.
      select c.*, case when c.outcome not in ('retried', 'lost', 'released') then null
          when c.strikes >= internal.most_strikes() or c.attempt >= internal.most_attempts() + (
            select coalesce(max(d.attempts), 0) from cowork.dead_letters d where d.work_id = c.work_id) then 'attempts_exhausted'
          when internal.most_work_time() <= (
            select sum(coalesce(a.ended_at, v_now) - a.claimed_at) from cowork.attempts a
              where a.work_id = c.work_id and a.attempt > (
                select coalesce(max(d.attempts), 0) from cowork.dead_letters d where d.work_id = c.work_id)) then 'time_exhausted'
        end as exhausted
        from counted c
    ), decided as (
      select c.*, case
          when c.outcome not in ('retried', 'lost', 'released') then c.outcome
          -- Told to stop, and gone before it could: nothing follows all the same.
          when exists (select from cowork.signals s where s.work_id = c.work_id and s.kind = 'stop') then 'cancelled'
          when c.exhausted is not null then 'dead'
          else 'queued' end as decision,
          case when c.outcome in ('retried', 'lost')
            then least(c.pause_most_ms, c.pause_ms * power(2, greatest(c.strikes, 1) - 1)) * (0.8 + 0.4 * random()) else 0 end as waits_ms
        from capped c
    )
    select array_agg(d.decision order by d.n), array_agg(d.strikes order by d.n), array_agg(d.waits_ms order by d.n),
        array_agg(d.exhausted order by d.n)
      into v_decisions, v_strikes, v_waits_ms, v_exhausted from decided d;
  end if;

  with ended as materialized (
    select d.*, case d.decision when 'dead' then 'failed' when 'queued' then 'waiting' else d.decision end as state,
        case when d.decision = 'dead' then v_exhausted[d.ordinality]
          when d.decision = 'cancelled' and d.outcome <> 'cancelled' then 'stopped_by_person' else d.given end as reason
      from (
        select l.*, p_outcomes[l.ordinality] as outcome, p_reasons[l.ordinality] as given, p_batch_nos[l.ordinality] as batch_no,
            l.next_seq + p_events[l.ordinality] as through, v_decisions[l.ordinality] as decision, v_strikes[l.ordinality] as strikes,
            coalesce(v_waits_ms[l.ordinality], 0) as waits_ms
          from unnest((select p_lanes)) with ordinality l) d
  ), lanes as (
    -- Who lost it is not who takes it first: its process is gone.
    update cowork.lanes l set next_seq = e.through + 1, work_id = null, command_id = null, attempt = null, token_hash = null,
        lease_expires_at = null, worker_id = null, boot_id = null, last_batch_no = null, last_answer = null,
        last_boot_id = case e.outcome when 'lost' then null else l.last_boot_id end
      from ended e where l.lane_id = e.lane_id
  ), works as (
    update cowork.work w set status = e.decision, strikes = coalesce(e.strikes, w.strikes), leased_by = null, lease_expires_at = null,
        ready_at = null, tag = null, preferred_boot_id = null, is_head = e.decision = 'queued',
        available_at = v_now + make_interval(secs => e.waits_ms / 1000),
        completed_at = case when e.decision = 'succeeded' then v_now end,
        failed_at = case when e.decision in ('failed', 'dead') then v_now end,
        reason = e.reason
      from ended e where w.work_id = e.work_id
  ), signals as (
    delete from cowork.signals s using ended e where s.work_id = e.work_id
  ), commands as (
    update cowork.commands c set status = e.state, reason = e.reason, ended_at = case when e.decision <> 'queued' then v_now end
      from ended e where c.org_id = e.org_id and c.command_id = e.command_id
  ), facts as (
    insert into cowork.session_events (session_id, seq, org_id, type, payload, attempt, command_id, at)
      select e.session_id, e.through, e.org_id, case e.decision when 'queued' then 'attempt.lost' else 'command.finished' end,
          jsonb_build_object('commandId', e.command_id, 'attempt', e.attempt, 'reason', e.reason)
            || case e.decision when 'queued' then '{}'::jsonb else jsonb_build_object('outcome', e.state) end,
          e.attempt, e.command_id, v_now
        from ended e where e.session_id is not null
  ), feed as (
    insert into cowork.feed (org_id, topic, entity_id) select e.org_id, 'session', e.session_id from ended e where e.session_id is not null
  ), sessions as (
    update cowork.sessions s set updated_at = v_now from ended e where s.org_id = e.org_id and s.session_id = e.session_id
  ), attempts as (
    update cowork.attempts a set ended_at = v_now, outcome = e.outcome, reason = e.given,
        answer = jsonb_build_object('through', e.through), finish_batch_no = e.batch_no
      from ended e where a.work_id = e.work_id and a.attempt = e.attempt
  )
  insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
    select e.org_id,
        case e.decision when 'succeeded' then 'work_completed' when 'queued' then 'work_retried' when 'dead' then 'work_dead_lettered'
          when 'cancelled' then 'work_cancelled' else 'work_failed' end,
        e.given, case e.outcome when 'lost' then 'scheduler' else 'worker' end,
        case e.outcome when 'lost' then null else e.worker_id end,
        jsonb_build_object('workId', e.work_id, 'attempt', e.attempt, 'outcome', e.outcome, 'renewals', e.renewals,
          'renewedAt', e.renewed_at)
      from ended e;
  if 'dead' = any (v_decisions) then
    insert into cowork.dead_letters (org_id, work_id, died_at, reason, attempts)
      select l.org_id, l.work_id, v_now, p_reasons[l.ordinality], l.attempt
        from unnest((select p_lanes)) with ordinality l where v_decisions[l.ordinality] = 'dead';
  end if;

  -- What they asked people ends with them; the facts above say so. Mostly there is nothing, and looking is cheap.
  if exists (select from cowork.decisions d where d.status = 'open' and d.session_id in (select l.session_id from unnest((select p_lanes)) l)) then
    update cowork.decisions d set status = 'withdrawn', decided_at = v_now
      from unnest((select p_lanes)) l
      where d.session_id = l.session_id and d.work_id = l.work_id and d.attempt = l.attempt and d.status = 'open';
  end if;

  -- Organisations' rows come last in the lock order, in the order of their ids, or two calls with several of them would
  -- deadlock. The room goes to whichever lanes of each have waited longest.
  for v_org in
    select o.org_id, count(o.n)::integer as ended, count(*) filter (where v_decisions[o.n] = 'queued') as again,
        coalesce(array_agg(o.lane_id order by o.n) filter (where o.n is not null), '{}') as lane_ids,
        coalesce(array_agg(o.lane_id) filter (where o.n is null), '{}') as beside
      from (
        select l.org_id, l.lane_id, l.ordinality as n from unnest((select p_lanes)) with ordinality l
        union all
        select l.org_id, l.lane_id, null from cowork.lanes l where l.lane_id = any (p_beside)) o
      group by o.org_id order by o.org_id
  loop
    if v_org.ended > 0 then
      update cowork.tenants t set promoted = t.promoted - v_org.ended, waiting = t.waiting + v_org.again where t.org_id = v_org.org_id;
      -- Where nothing else waits, what comes next in these lanes takes the room at once, without being marked as waiting first.
      if exists (select from cowork.work w where w.org_id = v_org.org_id and w.status = 'queued' and w.is_head)
        or exists (select from cowork.tenants t
          where t.org_id = v_org.org_id and t.promoted + v_org.ended > internal.quota(v_org.org_id, 'concurrent_sessions'))
      then
        perform internal.mark_heads(v_org.lane_ids);
        -- Not only what was freed here: others may have passed over our lanes and left room.
        perform internal.promote_tenant(v_org.org_id, v_org.ended + 64);
      else
        perform internal.promote_lanes(v_org.lane_ids);
      end if;
    end if;
    if cardinality(v_org.beside) > 0 then
      perform internal.promote_lanes(v_org.beside);
    end if;
  end loop;
  return v_decisions;
end $$;

create or replace function internal.end_attempt(p_lane cowork.lanes, p_outcome text, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_decisions text[] := internal.end_attempts(array[p_lane], array[p_outcome], array[p_reason], array[0], array[null::bigint]);
begin
  return jsonb_build_object('through', p_lane.next_seq, 'decision', v_decisions[1]);
end $$;
