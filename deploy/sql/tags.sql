-- Chats by the tags that they have in the end, and their share of all chats.
WITH
pieces AS (
  -- Entries, and copies of entries that could not be written, which have the
  -- same members. A webhook too large for one entry is in several, whose
  -- messages end with (part 2 of 5).
  SELECT
    timestamp AS ts,
    IF(message LIKE '% (part % of %)', REGEXP_REPLACE(insert_id, '-[0-9]+of[0-9]+$', ''), insert_id) AS insert_id,
    JSON_VALUE(labels.api) AS api,
    JSON_VALUE(labels.event) AS event,
    NULLIF(NULLIF(JSON_VALUE(labels.chat_id), '[redacted]'), '') AS chat_id,
    NULLIF(NULLIF(JSON_VALUE(labels.thread_id), '[redacted]'), '') AS thread_id,
    json_payload.webhook AS webhook,
    JSON_VALUE(json_payload.webhook_text) AS piece,
    CAST(REGEXP_EXTRACT(message, ' [(]part ([0-9]+) of [0-9]+[)]$') AS INT64) AS part,
    CAST(REGEXP_EXTRACT(message, ' [(]part [0-9]+ of ([0-9]+)[)]$') AS INT64) AS parts
  FROM (
    SELECT *, IF(JSON_VALUE(json_payload.webhook_text) IS NULL, NULL, JSON_VALUE(json_payload.message)) AS message
    FROM `@PROJECT@.@LOCATION@.@BUCKET@._AllLogs`
  )
  WHERE JSON_VALUE(labels.api) IN ('v2', 'v3')
    AND JSON_VALUE(labels.event) NOT IN ('events_marked_as_seen', 'last_seen_timestamp_updated')
),
entries AS (
  -- One per webhook and time. Parts of a copy do not matter if the webhook is
  -- whole elsewhere.
  SELECT
    * EXCEPT (pieces, webhook),
    IF(IFNULL(ARRAY_LENGTH(pieces), 0) = 0, webhook, IF(complete, SAFE.PARSE_JSON(ARRAY_TO_STRING(ARRAY(
      SELECT ANY_VALUE(p.piece) FROM UNNEST(pieces) AS p GROUP BY p.part ORDER BY p.part
    ), ''), wide_number_mode => 'round'), NULL)) AS webhook
  FROM (
    SELECT *, LOGICAL_OR(complete) OVER (PARTITION BY insert_id) AS complete_anywhere
    FROM (
      SELECT
        insert_id,
        MIN(ts) AS ts,
        ANY_VALUE(api) AS api,
        ANY_VALUE(event) AS event,
        ANY_VALUE(chat_id) AS chat_id,
        ANY_VALUE(thread_id) AS thread_id,
        ANY_VALUE(webhook) AS webhook,
        parts IS NULL OR COUNT(DISTINCT part) = parts AS complete,
        ARRAY_AGG(IF(piece IS NULL, NULL, STRUCT(part, piece)) IGNORE NULLS) AS pieces
      FROM pieces
      GROUP BY insert_id, parts, IF(parts IS NULL, ts, NULL)
    )
  )
  WHERE complete OR NOT complete_anywhere
),
webhooks AS (
  -- Each once. Deliveries of the same body have the same insert_id. What can
  -- happen twice with the same body is folded only at the same time, a transfer
  -- within the minute in which LiveChat repeats a webhook.
  SELECT api, ts, insert_id, event, chat_id, thread_id, complete, IF(api = 'v3', COALESCE(webhook.payload, webhook.data), webhook) AS body, webhook
  FROM (
    SELECT
      * EXCEPT (event, chat_id),
      CASE event
        WHEN 'incoming_chat_thread' THEN 'incoming_chat'
        WHEN 'thread_closed' THEN 'chat_deactivated'
        WHEN 'chat_user_added' THEN 'user_added_to_chat'
        WHEN 'chat_user_removed' THEN 'user_removed_from_chat'
        WHEN 'chat_thread_tagged' THEN 'thread_tagged'
        WHEN 'chat_thread_untagged' THEN 'thread_untagged'
        WHEN 'chat_thread_properties_updated' THEN 'thread_properties_updated'
        WHEN 'chat_thread_properties_deleted' THEN 'thread_properties_deleted'
        ELSE event
      END AS event,
      COALESCE(chat_id, MAX(chat_id) OVER (PARTITION BY COALESCE(thread_id, chat_id))) AS chat_id,
      LAG(ts) OVER (PARTITION BY insert_id ORDER BY ts) AS before
    FROM entries
    WHERE COALESCE(chat_id, thread_id) IS NOT NULL
  )
  WHERE before IS NULL OR (event NOT IN ('incoming_chat', 'incoming_event', 'event_deleted', 'chat_deactivated', 'thread_summary_set', 'chat_started', 'chat_ended')
      AND TIMESTAMP_DIFF(ts, before, MICROSECOND) > IF(event = 'chat_transferred', 60000000, 0))
),
conversations AS (
  -- All that the log has of a chat id, in order of time. From here on each step
  -- only adds to the row, so that the log is read once.
  SELECT
    api,
    chat_id,
    ARRAY_AGG(STRUCT(
      ts, insert_id, event, thread_id, body,
      CASE WHEN NOT complete THEN 'part_missing' WHEN IFNULL(JSON_TYPE(webhook), '') != 'object' THEN 'unreadable' END AS lack
    ) ORDER BY ts, insert_id) AS webhooks
  FROM webhooks
  GROUP BY api, chat_id, IF(chat_id IS NULL, thread_id, NULL)
),

-- v3: who is who

named AS (
  -- Where the webhooks name users. Who is a customer is told by type and
  -- user_type, and who is an AI agent by its system events, because their ids
  -- look alike.
  SELECT
    *,
    ARRAY_CONCAT(
      ARRAY(
        SELECT AS STRUCT
          NULLIF(NULLIF(JSON_VALUE(CASE w.event WHEN 'user_removed_from_chat' THEN u.user_id WHEN 'incoming_event' THEN u.agentId ELSE u.id END), '[redacted]'), '') AS id,
          IF(w.event = 'incoming_event', 'bot', COALESCE(NULLIF(NULLIF(JSON_VALUE(u.type), '[redacted]'), ''), JSON_VALUE(w.body.user_type))) AS type,
          u AS user
        FROM UNNEST(webhooks) AS w WITH OFFSET AS n,
          UNNEST(CASE
            WHEN w.event = 'incoming_chat' THEN JSON_QUERY_ARRAY(w.body.chat.users)
            WHEN w.event = 'user_added_to_chat' THEN [w.body.user]
            WHEN w.event = 'user_removed_from_chat' THEN [w.body]
            WHEN w.event = 'incoming_event' AND JSON_VALUE(w.body.event.type) = 'system' AND JSON_VALUE(w.body.event.source) = 'ai_agents'
              THEN [COALESCE(SAFE.PARSE_JSON(JSON_VALUE(w.body.event.details)), w.body.event.details)]
          END) AS u WITH OFFSET AS m
        ORDER BY n, m
      ),
      ARRAY(
        SELECT AS STRUCT NULLIF(NULLIF(id, '[redacted]'), '') AS id, CAST(NULL AS STRING) AS type, CAST(NULL AS JSON) AS user
        FROM UNNEST(webhooks) AS w, UNNEST(ARRAY_CONCAT(
          [JSON_VALUE(w.body.user_id), JSON_VALUE(w.body.requester_id), JSON_VALUE(w.body.event.author_id)],
          IFNULL(JSON_VALUE_ARRAY(w.body.transferred_to.agent_ids), []),
          ARRAY(SELECT JSON_VALUE(e.author_id) FROM UNNEST(JSON_QUERY_ARRAY(w.body.chat.thread.events)) AS e)
        )) AS id
      )
    ) AS sightings
  FROM conversations
  WHERE api = 'v3'
),
customers AS (
  SELECT
    *,
    (SELECT s.id FROM UNNEST(sightings) AS s WITH OFFSET AS n WHERE s.type = 'customer' AND s.id IS NOT NULL ORDER BY n LIMIT 1) AS customer_id,
    (SELECT MIN(n) FROM UNNEST(sightings) AS s WITH OFFSET AS n WHERE s.type = 'customer' AND s.id IS NOT NULL) AS known_from
  FROM named
),
met AS (
  -- Everybody with what LiveChat last called them, or else what the id says if
  -- it is one that customers never have, or if the customer has another one.
  SELECT
    * EXCEPT (sightings, customer_id, known_from),
    ARRAY(
      SELECT AS STRUCT
        s.id,
        COALESCE(
          ARRAY_AGG(CASE s.type WHEN 'customer' THEN 'customer' WHEN 'bot' THEN 'bot' WHEN 'agent' THEN IF(STRPOS(s.id, '@') > 0, 'agent', 'bot') END
            IGNORE NULLS ORDER BY n DESC LIMIT 1)[SAFE_OFFSET(0)],
          CASE
            WHEN STRPOS(s.id, '@') > 0 THEN 'agent'
            WHEN REGEXP_CONTAINS(s.id, '^[0-9a-f]{32}$') OR customer_id IS NOT NULL THEN 'bot'
            ELSE 'unknown'
          END
        ) AS kind,
        ARRAY_AGG(NULLIF(JSON_VALUE(s.user.name), '') IGNORE NULLS ORDER BY n DESC LIMIT 1)[SAFE_OFFSET(0)] AS name
      FROM UNNEST(sightings) AS s WITH OFFSET AS n
      WHERE s.id IS NOT NULL
      GROUP BY s.id
    ) AS people,
    (
      SELECT AS STRUCT
        customer_id AS id,
        ARRAY_AGG(NULLIF(JSON_VALUE(s.user.name), '') IGNORE NULLS ORDER BY n DESC LIMIT 1)[SAFE_OFFSET(0)] AS name,
        ARRAY_AGG(NULLIF(JSON_VALUE(s.user.email), '') IGNORE NULLS ORDER BY n DESC LIMIT 1)[SAFE_OFFSET(0)] AS email,
        ARRAY_AGG(NULLIF(COALESCE(JSON_VALUE(s.user.visit.geolocation.country), JSON_VALUE(s.user.last_visit.geolocation.country)), '') IGNORE NULLS ORDER BY n DESC LIMIT 1)[SAFE_OFFSET(0)] AS country,
        ARRAY_AGG(NULLIF(COALESCE(JSON_VALUE(s.user.visit.geolocation.city), JSON_VALUE(s.user.last_visit.geolocation.city)), '') IGNORE NULLS ORDER BY n DESC LIMIT 1)[SAFE_OFFSET(0)] AS city
      FROM UNNEST(sightings) AS s WITH OFFSET AS n
      WHERE s.type = 'customer' AND s.id = customer_id
        OR s.id IS NULL AND JSON_VALUE(s.user.type) = 'customer' AND (known_from IS NULL OR n < known_from)
    ) AS customer
  FROM customers
),

-- v3: threads and what was said in them

threads AS (
  -- What has no thread id is about the last thread to start, if it is said of
  -- the chat as a whole.
  SELECT
    p.* EXCEPT (webhooks),
    t.thread_id,
    t.started,
    ARRAY_CONCAT(t.webhooks, ARRAY(
      SELECT w FROM UNNEST(p.webhooks) AS w WITH OFFSET AS n
      WHERE w.thread_id IS NULL AND w.event IN ('chat_properties_updated', 'chat_properties_deleted') AND w.lack IS NULL
        AND (w.ts >= t.since OR t.number = 1) AND (t.next IS NULL OR w.ts < t.next)
      ORDER BY n
    )) AS webhooks
  FROM met AS p, UNNEST(ARRAY(
    SELECT AS STRUCT *, ROW_NUMBER() OVER (ORDER BY since, thread_id) AS number, LEAD(since) OVER (ORDER BY since, thread_id) AS next
    FROM (
      SELECT thread_id, webhooks, started, COALESCE(started, webhooks[OFFSET(0)].ts) AS since
      FROM (
        SELECT
          w.thread_id,
          ARRAY_AGG(w ORDER BY n) AS webhooks,
          MIN(IF(w.event = 'incoming_chat' AND w.lack IS NULL, COALESCE(
            SAFE_CAST(JSON_VALUE(w.body.chat.thread.created_at) AS TIMESTAMP),
            SAFE.TIMESTAMP_SECONDS(SAFE_CAST(SAFE_CAST(JSON_VALUE(w.body.chat.thread.timestamp) AS FLOAT64) AS INT64)),
            w.ts
          ), NULL)) AS started
        FROM UNNEST(p.webhooks) AS w WITH OFFSET AS n
        WHERE w.thread_id IS NOT NULL OR w.lack IS NOT NULL OR w.event IN (
          'incoming_chat', 'incoming_event', 'event_updated', 'event_deleted', 'chat_deactivated', 'thread_tagged', 'thread_untagged', 'thread_summary_set',
          'thread_properties_updated', 'thread_properties_deleted', 'event_properties_updated', 'event_properties_deleted')
        GROUP BY w.thread_id
      )
    )
  )) AS t
),
sequences AS (
  -- Each event with all that was seen of it: by itself first, then as it came
  -- with its thread and as it was changed or deleted.
  SELECT
    *,
    ARRAY(
      SELECT AS STRUCT
        key,
        ARRAY_AGG(STRUCT(ts, event, insert_id, e, event = 'event_deleted' OR IFNULL(JSON_VALUE(e.deleted), '') = 'true' AS deleted)
          ORDER BY event = 'incoming_event' DESC, ts, insert_id, m) AS seen
      FROM (
        SELECT
          w.ts, w.event, w.insert_id, e, m,
          COALESCE(
            NULLIF(NULLIF(JSON_VALUE(IF(w.event = 'event_deleted', e.event_id, e.id)), '[redacted]'), ''),
            IF(w.event = 'event_deleted', NULL, CONCAT('entry ', w.insert_id))
          ) AS key
        FROM UNNEST(webhooks) AS w,
          UNNEST(CASE
            WHEN w.lack IS NOT NULL THEN NULL
            WHEN w.event = 'incoming_chat' THEN JSON_QUERY_ARRAY(w.body.chat.thread.events)
            WHEN w.event IN ('incoming_event', 'event_updated') THEN [w.body.event]
            WHEN w.event = 'event_deleted' THEN [w.body]
          END) AS e WITH OFFSET AS m
      )
      WHERE key IS NOT NULL
      GROUP BY key
    ) AS events
  FROM threads
),
transcripts AS (
  -- The events as they are now, with their authors.
  SELECT
    * EXCEPT (events),
    ARRAY(
      SELECT AS STRUCT
        ROW_NUMBER() OVER (ORDER BY i.ts, LENGTH(i.event_id), i.event_id, i.insert_id) AS n,
        i.*,
        CASE WHEN i.type IN ('system_message', 'system') THEN 'livechat' ELSE IFNULL(p.kind, 'unknown') END AS kind,
        p.name
      FROM (
        SELECT
          COALESCE(SAFE_CAST(JSON_VALUE(first.e.created_at) AS TIMESTAMP), first.ts) AS ts,
          IF(STARTS_WITH(key, 'entry '), '', key) AS event_id,
          first.insert_id,
          JSON_VALUE(first.e.type) AS type,
          NULLIF(NULLIF(JSON_VALUE(first.e.author_id), '[redacted]'), '') AS author,
          COALESCE(NULLIF(JSON_VALUE(first.e.visibility), ''), NULLIF(JSON_VALUE(first.e.recipients), ''), 'all') != 'all' AS agents_only,
          IFNULL(COALESCE(JSON_VALUE(first.e.properties.lc2.welcome_message), JSON_VALUE(first.e.properties.lc2.welcome_message.value)), '') = 'true' AS automatic,
          first.e AS original,
          CASE
            WHEN first.deleted THEN first.e
            WHEN (SELECT LOGICAL_OR(s.deleted) FROM UNNEST(seen) AS s) THEN NULL
            ELSE seen[ORDINAL(ARRAY_LENGTH(seen))].e
          END AS now,
          first.event IN ('event_updated', 'event_deleted') AS lacks_original
        FROM (SELECT v.key, v.seen, v.seen[OFFSET(0)] AS first FROM UNNEST(events) AS v)
      ) AS i LEFT JOIN UNNEST(people) AS p ON p.id = i.author
    ) AS items
  FROM sequences
),
marks AS (
  -- What the columns are made of.
  SELECT
    *,
    (
      SELECT AS STRUCT w.ts, IFNULL(JSON_VALUE(w.body.user_id), '') AS user_id
      FROM UNNEST(webhooks) AS w WITH OFFSET AS n WHERE w.event = 'chat_deactivated' AND w.lack IS NULL ORDER BY n LIMIT 1
    ) AS deactivated,
    (
      SELECT AS STRUCT ts, how, CASE how WHEN 'manual_archived_agent' THEN 'agent' WHEN 'customer_banned' THEN 'agent' WHEN 'manual_archived_customer' THEN 'customer' ELSE 'livechat' END AS kind
      FROM (SELECT i.n, i.ts, JSON_VALUE(i.now.system_message_type) AS how FROM UNNEST(items) AS i WHERE i.type = 'system_message')
      WHERE how IN ('manual_archived_agent', 'manual_archived_customer', 'archived_customer_disconnected', 'customer_banned', 'system_archived') OR STARTS_WITH(how, 'routing.archived_')
      ORDER BY n DESC LIMIT 1
    ) AS archived,
    ARRAY(
      SELECT AS STRUCT n, ts, event, since, IFNULL(position, 0) AS position,
        since IS NOT NULL OR IFNULL(position, 0) != 0 OR IFNULL(wait_time, 0) != 0 AS queued,
        counted,
        EXISTS (SELECT 1 FROM UNNEST(people) AS p WHERE p.kind = 'agent' AND p.id IN UNNEST(agents)) AS has_agent
      FROM (
        SELECT
          n, ts, event, counted, agents,
          COALESCE(SAFE_CAST(JSON_VALUE(q.queued_at) AS TIMESTAMP), SAFE_CAST(JSON_VALUE(q.queued_at_us) AS TIMESTAMP)) AS since,
          SAFE_CAST(JSON_VALUE(q.position) AS FLOAT64) AS position,
          SAFE_CAST(JSON_VALUE(q.wait_time) AS FLOAT64) AS wait_time
        FROM (
          SELECT
            n, w.ts, w.event,
            IF(w.event = 'incoming_chat', w.body.chat.thread.queue, w.body.queue) AS q,
            SAFE_CAST(JSON_VALUE(w.body.chat.thread.queues_duration) AS FLOAT64) AS counted,
            -- A supervisor, whom the customer cannot see, takes no chat.
            CASE
              WHEN w.event = 'chat_transferred' THEN IFNULL(JSON_VALUE_ARRAY(w.body.transferred_to.agent_ids), [])
              WHEN w.event = 'user_added_to_chat' AND IFNULL(JSON_VALUE(w.body.user.visibility), '') != 'agents' THEN [JSON_VALUE(w.body.user.id)]
              ELSE []
            END AS agents
          FROM UNNEST(webhooks) AS w WITH OFFSET AS n
          WHERE w.event IN ('incoming_chat', 'chat_transferred', 'user_added_to_chat') AND w.lack IS NULL
        )
      )
    ) AS calls,
    ARRAY(
      -- As system messages or, in a thread without any, as properties.
      SELECT AS STRUCT o.* EXCEPT (spoken)
      FROM (
        SELECT *, LOGICAL_OR(spoken) OVER () AS any_spoken
        FROM UNNEST(ARRAY_CONCAT(
          ARRAY(
            SELECT AS STRUCT
              TRUE AS spoken, i.n, i.ts,
              IF(how = 'rating.chat_rated', NULLIF(NULLIF(JSON_VALUE(i.original.text_vars.score), '[redacted]'), ''), NULL) AS score,
              IF(how = 'rating.chat_commented', NULLIF(JSON_VALUE(i.original.text_vars.comment), ''), NULL) AS comment,
              how = 'rating.chat_rating_canceled' AS no_score,
              how = 'rating.chat_rating_canceled' AS no_comment
            FROM UNNEST(items) AS i, UNNEST([JSON_VALUE(i.original.system_message_type)]) AS how
            WHERE i.type = 'system_message' AND how IN ('rating.chat_rated', 'rating.chat_commented', 'rating.chat_rating_canceled')
          ),
          ARRAY(
            SELECT AS STRUCT *
            FROM (
              SELECT
                FALSE AS spoken, ROW_NUMBER() OVER (ORDER BY w.ts, w.insert_id) AS n, w.ts,
                CASE SAFE_CAST(COALESCE(JSON_VALUE(w.body.properties.rating.score), JSON_VALUE(w.body.properties.rating.score.value)) AS FLOAT64) WHEN 1 THEN 'good' WHEN 0 THEN 'bad' END AS score,
                NULLIF(COALESCE(JSON_VALUE(w.body.properties.rating.comment), JSON_VALUE(w.body.properties.rating.comment.value)), '') AS comment,
                'score' IN UNNEST(IFNULL(JSON_VALUE_ARRAY(w.body.properties.rating), [])) AS no_score,
                'comment' IN UNNEST(IFNULL(JSON_VALUE_ARRAY(w.body.properties.rating), [])) AS no_comment
              FROM UNNEST(webhooks) AS w
              WHERE (ENDS_WITH(w.event, '_properties_updated') OR ENDS_WITH(w.event, '_properties_deleted')) AND w.lack IS NULL
            )
            WHERE score IS NOT NULL OR comment IS NOT NULL OR no_score OR no_comment
          )
        ))
      ) AS o
      WHERE o.spoken = o.any_spoken
    ) AS opinions
  FROM transcripts
),
waits AS (
  -- Queues that ended with the same agent were one wait. open is since when a
  -- queue has been without an end.
  SELECT
    *,
    COALESCE(deactivated.ts, archived.ts) AS ended,
    (
      SELECT AS STRUCT MIN(since) AS since, SUM(TIMESTAMP_DIFF(taken, since, MICROSECOND)) AS waited, MIN(IF(taken IS NULL, since, NULL)) AS open
      FROM (
        SELECT MIN(since) AS since, taken
        FROM (
          SELECT line.since, (SELECT MIN(c.ts) FROM UNNEST(calls) AS c WHERE c.has_agent AND NOT c.queued AND c.ts >= line.since) AS taken
          FROM UNNEST(calls) AS line WHERE line.since IS NOT NULL
        )
        GROUP BY taken
      )
    ) AS wait,
    (SELECT MAX(c.counted) FROM UNNEST(calls) AS c WHERE c.event = 'incoming_chat' AND NOT c.queued AND c.counted > 0) AS counted,
    (SELECT MAX(i.ts) FROM UNNEST(items) AS i WHERE i.type IN ('message', 'file', 'rich_message') AND i.kind = 'agent' AND NOT i.automatic) AS wrote
  FROM marks
),
v3_chats AS (
  SELECT
    api,
    chat_id,
    thread_id,
    (
      SELECT JSON_VALUE(w.body.chat.thread.previous_thread_id) FROM UNNEST(webhooks) AS w WITH OFFSET AS n
      WHERE w.event = 'incoming_chat' AND IFNULL(JSON_VALUE(w.body.chat.thread.previous_thread_id), '') NOT IN ('', '[redacted]')
      ORDER BY n DESC LIMIT 1
    ) AS previous_thread_id,
    started,
    ended,
    STRUCT(
      customer.id AS id,
      COALESCE(customer.name, (SELECT f.answer FROM UNNEST(answers) AS f WITH OFFSET AS n WHERE f.type = 'name' ORDER BY n LIMIT 1)) AS name,
      COALESCE(customer.email, (SELECT f.answer FROM UNNEST(answers) AS f WITH OFFSET AS n WHERE f.type = 'email' ORDER BY n LIMIT 1)) AS email,
      customer.country AS country,
      customer.city AS city
    ) AS customer,
    ARRAY(SELECT AS STRUCT p.kind, p.id, p.name FROM UNNEST(present) AS p WITH OFFSET AS n WHERE p.kind = 'agent' ORDER BY n) AS agents,
    ARRAY(SELECT AS STRUCT p.kind, p.id, p.name FROM UNNEST(present) AS p WITH OFFSET AS n WHERE p.kind = 'bot' ORDER BY n) AS bots,
    `groups`,
    ARRAY(
      SELECT AS STRUCT i.ts, i.kind, i.author AS id, i.name, i.event_id, JSON_VALUE(i.now.text) AS text, i.agents_only, i.automatic
      FROM UNNEST(items) AS i WHERE i.type IN ('message', 'file', 'rich_message') ORDER BY i.n
    ) AS said,
    IF(queued, STRUCT(
      wait.since AS since,
      (SELECT CAST(c.position AS INT64) FROM UNNEST(calls) AS c WHERE c.position != 0 ORDER BY c.n LIMIT 1) AS position,
      CASE
        WHEN wait.open IS NULL AND wait.since IS NOT NULL THEN IFNULL(counted, wait.waited / 1e6)
        WHEN left_queue THEN (IFNULL(wait.waited, 0) + TIMESTAMP_DIFF(ended, wait.open, MICROSECOND)) / 1e6
        WHEN wait.open IS NOT NULL AND (ended IS NOT NULL OR has_written) THEN counted
      END AS seconds,
      left_queue AS `left`
    ), NULL) AS queue,
    IF(ARRAY_LENGTH(transfers) > 0, transfers, ARRAY(
      SELECT AS STRUCT i.ts AS `at`, how AS reason, CAST([] AS ARRAY<STRING>) AS `groups`, CAST([] AS ARRAY<STRING>) AS agents,
        CAST(NULL AS STRUCT<kind STRING, id STRING, name STRING>) AS `by`, FALSE AS queued
      FROM UNNEST(items) AS i, UNNEST([JSON_VALUE(i.now.system_message_type)]) AS how
      WHERE i.type = 'system_message' AND (how = 'chat_transferred' OR STARTS_WITH(how, 'routing.assigned_') OR STARTS_WITH(how, 'routing.unassigned_'))
      ORDER BY i.n
    )) AS transfers,
    ARRAY(
      SELECT tag FROM (
        SELECT tag, ARRAY_AGG(w.event != 'thread_untagged' ORDER BY n DESC LIMIT 1)[OFFSET(0)] AS is_set
        FROM UNNEST(webhooks) AS w WITH OFFSET AS n,
          UNNEST(IF(w.event = 'incoming_chat', JSON_VALUE_ARRAY(w.body.chat.thread.tags), [JSON_VALUE(w.body.tag)])) AS tag
        WHERE w.event IN ('incoming_chat', 'thread_tagged', 'thread_untagged') AND tag != ''
        GROUP BY tag
      )
      WHERE is_set ORDER BY tag
    ) AS tags,
    rating,
    IF(
      IFNULL(deactivated.user_id, '[redacted]') IN ('', '[redacted]'),
      (
        SELECT AS STRUCT kind, CAST(NULL AS STRING) AS id, CAST(NULL AS STRING) AS name
        FROM UNNEST([IF(deactivated.user_id = '', 'livechat', archived.kind)]) AS kind WHERE kind IS NOT NULL
      ),
      (
        SELECT AS STRUCT IF(p.kind = 'unknown', IFNULL(archived.kind, p.kind), p.kind) AS kind, p.id, p.name
        FROM UNNEST(people) AS p WHERE p.id = deactivated.user_id
      )
    ) AS closed_by,
    archived.how AS closed_how,
    (
      SELECT CASE r.resolved WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END FROM (
        SELECT w.ts, w.insert_id, IF('resolved' IN UNNEST(IFNULL(JSON_VALUE_ARRAY(w.body.properties.chats), [])), 'no',
          COALESCE(JSON_VALUE(w.body.properties.chats.resolved), JSON_VALUE(w.body.properties.chats.resolved.value))) AS resolved
        FROM UNNEST(webhooks) AS w
        WHERE (ENDS_WITH(w.event, '_properties_updated') OR ENDS_WITH(w.event, '_properties_deleted')) AND w.lack IS NULL
      ) AS r
      WHERE r.resolved IN ('true', 'false', 'no')
      ORDER BY r.ts DESC, r.insert_id DESC LIMIT 1
    ) AS ai_resolved,
    (
      SELECT JSON_VALUE(w.body.summary.text) FROM UNNEST(webhooks) AS w WITH OFFSET AS n
      WHERE w.event = 'thread_summary_set' AND IFNULL(JSON_VALUE(w.body.summary.text), '') != '' ORDER BY n DESC LIMIT 1
    ) AS summary,
    (
      SELECT JSON_VALUE(w.body.chat.thread.restricted_access) FROM UNNEST(webhooks) AS w WITH OFFSET AS n
      WHERE w.event = 'incoming_chat' AND IFNULL(JSON_VALUE(w.body.chat.thread.restricted_access), '') NOT IN ('', 'false') ORDER BY n DESC LIMIT 1
    ) AS restricted,
    ARRAY_CONCAT(
      IF(started IS NULL, ['began_before_log'], []),
      IF(thread_id IS NULL, ['thread_unknown'], []),
      IF(queued AND (wait.since IS NULL OR wait.open IS NOT NULL AND NOT left_queue AND (ended IS NOT NULL OR has_written) AND counted IS NULL), ['wait_unknown'], []),
      IF(EXISTS (SELECT 1 FROM UNNEST(items) AS i WHERE i.lacks_original), ['original_missing'], []),
      IF(EXISTS (
        SELECT 1 FROM UNNEST(webhooks) AS w WITH OFFSET AS n
        WHERE w.event = 'incoming_chat' AND IFNULL(ARRAY_LENGTH(JSON_QUERY_ARRAY(w.body.chat.thread.events)), 0) = 0 AND n >= (
          SELECT MIN(m) FROM UNNEST(webhooks) AS v WITH OFFSET AS m
          WHERE v.event = 'incoming_chat' AND IFNULL(JSON_VALUE(v.body.chat.thread.restricted_access), '') NOT IN ('', 'false')
        )
      ), ['restricted'], []),
      ARRAY(SELECT DISTINCT w.lack FROM UNNEST(webhooks) AS w WHERE w.lack IS NOT NULL)
    ) AS lacks
  FROM (
    SELECT
      *,
      EXISTS (SELECT 1 FROM UNNEST(calls) AS c WHERE c.queued) AS queued,
      IFNULL(wrote > wait.open, FALSE) AS has_written,
      IFNULL(NOT IFNULL(wrote > wait.open, FALSE) AND ended >= wait.open AND TIMESTAMP_DIFF(ended, wait.open, MICROSECOND) <= 365 * 86400000000, FALSE) AS left_queue,
      ARRAY(
        SELECT AS STRUCT f.type, f.answer FROM (
          SELECT
            i.n, m, JSON_VALUE(f.type) AS type,
            (
              SELECT a FROM UNNEST(ARRAY_CONCAT(
                ARRAY(SELECT COALESCE(JSON_VALUE(a.label), JSON_VALUE(a)) FROM UNNEST(JSON_QUERY_ARRAY(f.answers)) AS a WITH OFFSET AS o ORDER BY o),
                [COALESCE(JSON_VALUE(f.answer.label), JSON_VALUE(f.answer)), JSON_VALUE(f.value)],
                ARRAY(SELECT JSON_VALUE(a.value) FROM UNNEST(JSON_QUERY_ARRAY(f.options)) AS a WITH OFFSET AS o ORDER BY o)
              )) AS a WITH OFFSET AS o
              WHERE a != '' ORDER BY o LIMIT 1
            ) AS answer
          FROM UNNEST(items) AS i, UNNEST(JSON_QUERY_ARRAY(i.now.fields)) AS f WITH OFFSET AS m
          WHERE i.type = 'filled_form' AND i.kind = 'customer'
        ) AS f
        WHERE f.answer IS NOT NULL ORDER BY f.n, f.m
      ) AS answers,
      ARRAY(
        -- Agents of earlier threads are among the users too.
        SELECT AS STRUCT p.kind, p.id, p.name
        FROM (
          SELECT id, MIN(o) AS o
          FROM UNNEST(ARRAY_CONCAT(
            ARRAY(
              SELECT JSON_VALUE(u.id)
              FROM UNNEST(webhooks) AS w WITH OFFSET AS n,
                UNNEST(IF(w.event = 'incoming_chat', JSON_QUERY_ARRAY(w.body.chat.users), [w.body.user])) AS u WITH OFFSET AS m
              WHERE w.event IN ('incoming_chat', 'user_added_to_chat') AND JSON_VALUE(u.id) IS NOT NULL
                AND (w.event = 'user_added_to_chat' OR JSON_VALUE(u.present) = 'true' OR JSON_VALUE(u.id) IN UNNEST(JSON_VALUE_ARRAY(w.body.chat.thread.user_ids)))
              ORDER BY n, m
            ),
            ARRAY(SELECT i.author FROM UNNEST(items) AS i WHERE i.kind != 'livechat' AND i.author IS NOT NULL ORDER BY i.n)
          )) AS id WITH OFFSET AS o
          GROUP BY id
        ) AS s JOIN UNNEST(people) AS p ON p.id = s.id
        ORDER BY s.o
      ) AS present,
      ARRAY(
        SELECT id FROM UNNEST(ARRAY(
          SELECT id
          FROM UNNEST(webhooks) AS w WITH OFFSET AS n,
            UNNEST(CASE
              WHEN w.event = 'chat_transferred' THEN JSON_VALUE_ARRAY(w.body.transferred_to.group_ids)
              WHEN ARRAY_LENGTH(JSON_VALUE_ARRAY(w.body.chat.thread.access.group_ids)) > 0 THEN JSON_VALUE_ARRAY(w.body.chat.thread.access.group_ids)
              WHEN ARRAY_LENGTH(JSON_VALUE_ARRAY(w.body.chat.thread.access.`groups`)) > 0 THEN JSON_VALUE_ARRAY(w.body.chat.thread.access.`groups`)
              WHEN ARRAY_LENGTH(JSON_VALUE_ARRAY(w.body.chat.access.group_ids)) > 0 THEN JSON_VALUE_ARRAY(w.body.chat.access.group_ids)
              ELSE JSON_VALUE_ARRAY(w.body.chat.access.`groups`)
            END) AS id WITH OFFSET AS m
          WHERE w.event IN ('incoming_chat', 'chat_transferred')
          ORDER BY n, m
        )) AS id WITH OFFSET AS o
        GROUP BY id ORDER BY MIN(o)
      ) AS `groups`,
      ARRAY(
        SELECT AS STRUCT
          w.ts AS `at`,
          JSON_VALUE(w.body.reason) AS reason,
          IFNULL(JSON_VALUE_ARRAY(w.body.transferred_to.group_ids), []) AS `groups`,
          IFNULL(JSON_VALUE_ARRAY(w.body.transferred_to.agent_ids), []) AS agents,
          (SELECT AS STRUCT p.kind, p.id, p.name FROM UNNEST(people) AS p WHERE p.id = JSON_VALUE(w.body.requester_id)) AS `by`,
          EXISTS (SELECT 1 FROM UNNEST(calls) AS c WHERE c.n = place AND c.queued) AS queued
        FROM UNNEST(webhooks) AS w WITH OFFSET AS place
        WHERE w.event = 'chat_transferred' AND w.lack IS NULL
        ORDER BY place
      ) AS transfers,
      (
        SELECT IF(score != '' OR comment != '', STRUCT(NULLIF(score, '') AS score, NULLIF(comment, '') AS comment, ts AS `at`), NULL)
        FROM (
          SELECT
            IFNULL(ARRAY_AGG(IF(o.no_score, '', o.score) IGNORE NULLS ORDER BY o.n DESC LIMIT 1)[SAFE_OFFSET(0)], '') AS score,
            IFNULL(ARRAY_AGG(IF(o.no_comment, '', o.comment) IGNORE NULLS ORDER BY o.n DESC LIMIT 1)[SAFE_OFFSET(0)], '') AS comment,
            ARRAY_AGG(o.ts ORDER BY o.n DESC LIMIT 1)[SAFE_OFFSET(0)] AS ts
          FROM UNNEST(opinions) AS o
        )
      ) AS rating
    FROM waits
  )
),

-- v2: the whole chat is in each body

legacy AS (
  SELECT
    c.api,
    c.chat_id,
    c.webhooks,
    c.bodies,
    (SELECT b.started FROM UNNEST(c.bodies) AS b WHERE b.started IS NOT NULL ORDER BY b.n DESC LIMIT 1) AS started,
    (SELECT b.ended FROM UNNEST(c.bodies) AS b WHERE b.ended IS NOT NULL ORDER BY b.n DESC LIMIT 1) AS ended,
    (
      SELECT AS STRUCT
        ARRAY_AGG(NULLIF(NULLIF(JSON_VALUE(b.visitor.id), '[redacted]'), '') IGNORE NULLS ORDER BY b.n DESC LIMIT 1)[SAFE_OFFSET(0)] AS id,
        ARRAY_AGG(NULLIF(JSON_VALUE(b.visitor.name), '') IGNORE NULLS ORDER BY b.n DESC LIMIT 1)[SAFE_OFFSET(0)] AS name,
        ARRAY_AGG(NULLIF(JSON_VALUE(b.visitor.email), '') IGNORE NULLS ORDER BY b.n DESC LIMIT 1)[SAFE_OFFSET(0)] AS email,
        ARRAY_AGG(NULLIF(JSON_VALUE(b.visitor.country), '') IGNORE NULLS ORDER BY b.n DESC LIMIT 1)[SAFE_OFFSET(0)] AS country,
        ARRAY_AGG(NULLIF(JSON_VALUE(b.visitor.city), '') IGNORE NULLS ORDER BY b.n DESC LIMIT 1)[SAFE_OFFSET(0)] AS city
      FROM UNNEST(c.bodies) AS b
    ) AS customer
  FROM (
    SELECT api, chat_id, webhooks, ARRAY(
      SELECT AS STRUCT
        n, w.event, w.ts, w.body.chat, w.body.visitor,
        COALESCE(SAFE_CAST(JSON_VALUE(w.body.chat.started_timestamp) AS TIMESTAMP), SAFE.TIMESTAMP_SECONDS(SAFE_CAST(SAFE_CAST(JSON_VALUE(w.body.chat.started_timestamp) AS FLOAT64) AS INT64))) AS started,
        COALESCE(SAFE_CAST(JSON_VALUE(w.body.chat.ended_timestamp) AS TIMESTAMP), SAFE.TIMESTAMP_SECONDS(SAFE_CAST(SAFE_CAST(JSON_VALUE(w.body.chat.ended_timestamp) AS FLOAT64) AS INT64))) AS ended
      FROM UNNEST(webhooks) AS w WITH OFFSET AS n
      WHERE w.event IN ('chat_started', 'chat_ended', 'chat_changed') AND w.lack IS NULL
      ORDER BY n
    ) AS bodies
    FROM conversations
    WHERE api = 'v2'
  ) AS c
),
v2_chats AS (
  SELECT
    api,
    chat_id,
    CAST(NULL AS STRING) AS thread_id,
    CAST(NULL AS STRING) AS previous_thread_id,
    started,
    ended,
    customer,
    ARRAY(
      SELECT AS STRUCT 'agent' AS kind, id, name FROM (
        SELECT id, MIN(n * 1000 + m) AS o, ARRAY_AGG(NULLIF(name, '') IGNORE NULLS ORDER BY n DESC, m DESC LIMIT 1)[SAFE_OFFSET(0)] AS name
        FROM (
          SELECT b.n, m, NULLIF(NULLIF(JSON_VALUE(a.login), '[redacted]'), '') AS id, JSON_VALUE(a.name) AS name
          FROM UNNEST(bodies) AS b, UNNEST(JSON_QUERY_ARRAY(b.chat.agents)) AS a WITH OFFSET AS m
        )
        GROUP BY id
      )
      ORDER BY o
    ) AS agents,
    CAST([] AS ARRAY<STRUCT<kind STRING, id STRING, name STRING>>) AS bots,
    ARRAY(
      SELECT id FROM UNNEST(ARRAY(
        SELECT id FROM UNNEST(bodies) AS b, UNNEST(JSON_VALUE_ARRAY(b.chat.`groups`)) AS id WITH OFFSET AS m ORDER BY b.n, m
      )) AS id WITH OFFSET AS o
      GROUP BY id ORDER BY MIN(o)
    ) AS `groups`,
    ARRAY(
      SELECT AS STRUCT
        ts,
        CASE by_whom WHEN 'visitor' THEN 'customer' WHEN 'agent' THEN 'agent' WHEN 'supervisor' THEN 'agent' ELSE 'unknown' END AS kind,
        IF(by_whom = 'visitor', customer.id, agent) AS id,
        name,
        CAST(NULL AS STRING) AS event_id,
        text,
        by_whom = 'supervisor' AS agents_only,
        -- What an agent says in the second in which the chat starts is the
        -- first welcome message of LiveChat's reports.
        m = 0 AND by_whom = 'agent' AND IFNULL(ts = started, FALSE) AS automatic
      FROM (
        SELECT
          m,
          COALESCE(SAFE_CAST(JSON_VALUE(message.timestamp) AS TIMESTAMP), SAFE.TIMESTAMP_SECONDS(SAFE_CAST(SAFE_CAST(JSON_VALUE(message.timestamp) AS FLOAT64) AS INT64)), started, said.ts) AS ts,
          IFNULL(JSON_VALUE(message.user_type), '') AS by_whom,
          NULLIF(NULLIF(JSON_VALUE(message.agent_id), '[redacted]'), '') AS agent,
          JSON_VALUE(message.author_name) AS name,
          JSON_VALUE(message.text) AS text
        FROM (
          SELECT b.ts, b.chat FROM UNNEST(bodies) AS b ORDER BY IFNULL(ARRAY_LENGTH(JSON_QUERY_ARRAY(b.chat.messages)), 0) DESC, b.n DESC LIMIT 1
        ) AS said, UNNEST(JSON_QUERY_ARRAY(said.chat.messages)) AS message WITH OFFSET AS m
      )
      ORDER BY ts, m
    ) AS said,
    CAST(NULL AS STRUCT<since TIMESTAMP, position INT64, seconds FLOAT64, `left` BOOL>) AS queue,
    CAST([] AS ARRAY<STRUCT<`at` TIMESTAMP, reason STRING, `groups` ARRAY<STRING>, agents ARRAY<STRING>, `by` STRUCT<kind STRING, id STRING, name STRING>, queued BOOL>>) AS transfers,
    ARRAY(
      SELECT tag
      FROM UNNEST((
        SELECT JSON_VALUE_ARRAY(b.chat.tags) FROM UNNEST(bodies) AS b
        WHERE b.event != 'chat_started' OR ARRAY_LENGTH(JSON_VALUE_ARRAY(b.chat.tags)) > 0 ORDER BY b.n DESC LIMIT 1
      )) AS tag
      ORDER BY tag
    ) AS tags,
    CAST(NULL AS STRUCT<score STRING, comment STRING, `at` TIMESTAMP>) AS rating,
    IF(ended IS NULL, NULL, (
      SELECT IF(JSON_VALUE(e.user_type) = 'visitor', STRUCT('customer' AS kind, customer.id AS id, customer.name AS name), STRUCT('agent' AS kind, CAST(NULL AS STRING) AS id, CAST(NULL AS STRING) AS name))
      FROM UNNEST(bodies) AS b, UNNEST(JSON_QUERY_ARRAY(b.chat.events)) AS e WITH OFFSET AS m
      WHERE JSON_VALUE(e.type) = 'closed' AND JSON_VALUE(e.user_type) IN ('visitor', 'agent', 'supervisor')
      ORDER BY b.n DESC, m DESC LIMIT 1
    )) AS closed_by,
    CAST(NULL AS STRING) AS closed_how,
    CAST(NULL AS BOOL) AS ai_resolved,
    CAST(NULL AS STRING) AS summary,
    CAST(NULL AS STRING) AS restricted,
    ARRAY_CONCAT(
      IF(started IS NULL, ['began_before_log'], []),
      ARRAY(SELECT DISTINCT w.lack FROM UNNEST(webhooks) AS w WHERE w.lack IS NOT NULL)
    ) AS lacks
  FROM legacy
),

-- Both: messages, replies and what follows from them

talks AS (
  -- asked is where the customer's first message is among those that are no
  -- whisper and no greeting.
  SELECT
    *,
    (
      SELECT AS STRUCT
        COUNTIF(open AND s.kind = 'customer') AS customer,
        COUNTIF(open AND s.kind = 'agent') AS agent,
        COUNTIF(open AND s.kind = 'bot') AS bot,
        COUNTIF(open AND s.kind = 'unknown') AS unknown,
        COUNTIF(s.automatic AND NOT s.agents_only) AS automatic,
        COUNTIF(s.agents_only) AS whispers
      FROM UNNEST(said) AS s, UNNEST([NOT s.agents_only AND NOT s.automatic]) AS open
    ) AS messages,
    (
      SELECT AS STRUCT n, s.ts, s.text, s.event_id
      FROM UNNEST(said) AS s WITH OFFSET AS n
      WHERE s.kind = 'customer' AND NOT s.agents_only AND NOT s.automatic ORDER BY n LIMIT 1
    ) AS asked,
    -- Each message of an agent or a bot ends a turn, whose first message of the
    -- customer it answers. The last turn may have no end.
    ARRAY(
      SELECT AS STRUCT
        MAX(IF(kind = 'customer', NULL, n)) AS n,
        ARRAY_AGG(IF(kind = 'customer', NULL, STRUCT(kind, id, name)) IGNORE NULLS)[SAFE_OFFSET(0)] AS `by`,
        MAX(IF(kind = 'customer', NULL, ts)) AS ts,
        MAX(IF(kind = 'customer', NULL, event_id)) AS event_id,
        ARRAY_AGG(IF(kind = 'customer', STRUCT(ts, text, event_id), NULL) IGNORE NULLS ORDER BY n LIMIT 1)[SAFE_OFFSET(0)] AS question
      FROM (
        SELECT n, s.*, COUNTIF(s.kind != 'customer') OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS turn
        FROM UNNEST(said) AS s WITH OFFSET AS n
        WHERE s.kind IN ('customer', 'agent', 'bot') AND NOT s.agents_only AND NOT s.automatic
      )
      GROUP BY turn
      ORDER BY turn
    ) AS turns
  FROM (SELECT * FROM v3_chats UNION ALL SELECT * FROM v2_chats)
),
chats AS (
  SELECT
    api,
    chat_id,
    thread_id,
    previous_thread_id,
    started,
    ended,
    IF(ended >= started AND TIMESTAMP_DIFF(ended, started, MICROSECOND) <= 365 * 86400000000, TIMESTAMP_DIFF(ended, started, MICROSECOND) / 1e6, NULL) AS seconds,
    customer,
    agents,
    bots,
    IF(started IS NULL AND api = 'v3', NULL, `groups`[SAFE_OFFSET(0)]) AS `group`,
    `groups`,
    messages,
    IF(asked.ts IS NULL, NULL, STRUCT(asked.ts AS `at`, asked.text AS text, asked.event_id AS event_id)) AS first_question,
    (
      SELECT AS STRUCT t.`by`, t.ts AS `at`, TIMESTAMP_DIFF(t.ts, asked.ts, MICROSECOND) / 1e6 AS seconds, t.event_id, asked.event_id AS asked
      FROM UNNEST(turns) AS t WHERE t.n > asked.n AND t.`by`.kind = 'agent' ORDER BY t.n LIMIT 1
    ) AS first_agent_reply,
    (
      SELECT AS STRUCT t.`by`, t.ts AS `at`, TIMESTAMP_DIFF(t.ts, asked.ts, MICROSECOND) / 1e6 AS seconds, t.event_id, asked.event_id AS asked
      FROM UNNEST(turns) AS t WHERE t.n > asked.n AND t.`by`.kind = 'bot' ORDER BY t.n LIMIT 1
    ) AS first_bot_reply,
    ARRAY(
      SELECT AS STRUCT t.`by`, t.ts AS `at`, TIMESTAMP_DIFF(t.ts, t.question.ts, MICROSECOND) / 1e6 AS seconds, t.event_id, t.question.event_id AS asked
      FROM UNNEST(turns) AS t WHERE t.n IS NOT NULL AND t.question.ts IS NOT NULL ORDER BY t.n
    ) AS replies,
    IF(ended IS NULL, (
      SELECT AS STRUCT t.question.ts AS `at`, t.question.text AS text, t.question.event_id AS event_id
      FROM UNNEST(turns) AS t WHERE t.n IS NULL AND t.question.ts IS NOT NULL LIMIT 1
    ), NULL) AS waiting,
    CASE
      WHEN messages.agent > 0 AND messages.bot > 0 THEN 'assisted'
      WHEN messages.agent > 0 THEN 'manual'
      WHEN messages.bot > 0 THEN 'automated'
    END AS handled,
    IF(started IS NULL OR ended IS NULL OR messages.unknown > 0, NULL, messages.agent + messages.bot = 0) AS missed,
    queue,
    transfers,
    tags,
    rating,
    closed_by,
    closed_how,
    ai_resolved,
    summary,
    restricted,
    ARRAY(SELECT l FROM UNNEST(IF(messages.unknown > 0, ARRAY_CONCAT(lacks, ['author_unknown']), lacks)) AS l ORDER BY l) AS incomplete
  FROM talks
)
-- End of chats.sql.
SELECT
  tag,
  COUNT(*) AS chats,
  COUNT(*) / ANY_VALUE(all_chats) AS share
FROM (SELECT tags, COUNT(*) OVER () AS all_chats FROM chats), UNNEST(tags) AS tag
GROUP BY tag
ORDER BY chats DESC, tag
LIMIT 300
