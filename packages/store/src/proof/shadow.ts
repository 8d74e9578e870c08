/**
 * What a proof adds to its test database, as the owner: a clock that only the schedule moves, and a shadow log that
 * triggers write, so that what happened is told by the rows themselves and not by the verbs.
 *
 * The clock: a base that `advance` moves, and a microsecond for each look, so that time is strictly increasing as it is
 * in production, and a slow machine changes nothing. It reads a table instead of being replaced at each step, which
 * would make every session plan all its statements again.
 */
export const shadowSql = `
create schema proof;
create sequence proof.looks;
create table proof.base (at timestamptz not null);
insert into proof.base values (date_trunc('second', clock_timestamp()));
create or replace function cowork.now() returns timestamptz
language sql volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp as
$$ select b.at + nextval('proof.looks') * interval '1 microsecond' from proof.base b $$;

create or replace function internal.most_strikes() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select STRIKES $$;
create or replace function internal.most_attempts() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select ATTEMPTS $$;
create or replace function internal.most_refusals_of_source() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select REFUSALS $$;

create table proof.shadow (n bigint generated always as identity, fact jsonb not null);

create function proof.record() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lane cowork.lanes;
  v_fact jsonb;
begin
  case tg_table_name
    when 'attempts' then
      if tg_op = 'INSERT' then
        select l.* into v_lane from cowork.lanes l where l.work_id = new.work_id;
        v_fact := jsonb_build_object('is', 'claimed', 'work', new.work_id, 'attempt', new.attempt, 'token', new.token_hash,
          'worker', new.worker_id, 'at', new.claimed_at, 'expiresAt', v_lane.lease_expires_at);
      elsif old.outcome is null and new.outcome is not null then
        v_fact := jsonb_build_object('is', 'ended', 'work', new.work_id, 'attempt', new.attempt, 'outcome', new.outcome,
          'at', new.ended_at);
      end if;
    when 'lanes' then
      if new.work_id = old.work_id and new.attempt = old.attempt and new.lease_expires_at <> old.lease_expires_at then
        v_fact := jsonb_build_object('is', 'renewed', 'work', new.work_id, 'attempt', new.attempt, 'at', cowork.now(),
          'expiresAt', new.lease_expires_at);
      end if;
    when 'session_events' then
      if exists (select from cowork.event_types t where t.type = new.type and t.producer = 'runtime') then
        v_fact := jsonb_build_object('is', 'wrote', 'lane', new.session_id, 'seq', new.seq, 'command', new.command_id,
          'attempt', new.attempt, 'batch', null, 'commit', pg_current_xact_id()::text::bigint, 'at', cowork.now());
      else
        v_fact := jsonb_build_object('is', 'stated', 'lane', new.session_id, 'seq', new.seq);
      end if;
    when 'work' then
      if tg_op = 'INSERT' then
        v_fact := jsonb_build_object('is', 'moved', 'work', new.work_id, 'from', null, 'to', new.status);
      elsif old.status <> new.status then
        v_fact := jsonb_build_object('is', 'moved', 'work', new.work_id, 'from', old.status, 'to', new.status);
      end if;
    when 'workers' then
      if old.status <> new.status then
        v_fact := jsonb_build_object('is', 'worker', 'worker', new.worker_id, 'to', new.status);
      end if;
  end case;
  if v_fact is not null then
    insert into proof.shadow (fact) values (v_fact);
  end if;
  return null;
end $$;
create trigger shadow after insert or update of outcome on cowork.attempts for each row execute function proof.record();
create trigger shadow after update of lease_expires_at on cowork.lanes for each row execute function proof.record();
create trigger shadow after insert on cowork.session_events for each row execute function proof.record();
create trigger shadow after insert or update of status on cowork.work for each row execute function proof.record();
create trigger shadow after update of status on cowork.workers for each row execute function proof.record();
`;
