// The alarms of the operations guide as rules, and where they go. Most look at what the program says of itself, in the
// workspace. A daily cap silences those, so that is an alarm too; and whether app and database are alive and rows are
// stored is asked of the platform's own metrics, which no cap reaches.

import { databaseName } from 'names.bicep'

@description('Name that the rules begin with.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('E-mail addresses that alarms go to. Empty: they are shown in the portal only.')
param addresses string[]

@description('Dead-lettered readings of one reason in a quarter of an hour from which on somebody is told.')
@minValue(0)
param deadLettersTolerated int

@description('How long the database may store no row at all before somebody is told. Empty: nobody is told.')
param silenceTolerated string

@description('Resource id of the workspace.')
param workspaceId string

@description('Resource id of the Function app.')
param appId string

@description('Resource id of the PostgreSQL server.')
param serverId string

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: take(name, 12)
    emailReceivers: [
      for (address, i) in addresses: {
        name: 'person-${i}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

type logAlarm = {
  @description('Name of the rule.')
  name: string
  @description('What it means, as in the guide.')
  description: string
  @description('0 is the worst.')
  severity: int
  @description('What is looked for; a row is an alarm.')
  query: string
  @description('How far back it looks each time, as an ISO 8601 duration.')
  window: string
}

// A row is an alarm. Metrics and logs have the names that the program gives them.
var logAlarms logAlarm[] = [
  {
    name: 'outage'
    description: 'Nothing can be stored, and nothing is lost: events wait in the hub, for its retention at most. The log line says what to do.'
    severity: 1
    window: 'PT5M'
    query: '''AppTraces
| where tostring(Properties.EventId) == "1001"
| project TimeGenerated, Message'''
  }
  {
    name: 'outage-lasts'
    description: 'Nothing was stored for five minutes.'
    severity: 1
    window: 'PT5M'
    query: '''AppMetrics
| where Name == "ingest.retry.state"
| summarize Lowest = min(Min) by AppRoleInstance
| where Lowest > 0'''
  }
  {
    name: 'falling-behind'
    description: 'Readings are stored more than a minute after the hub took them, on average: too little of something, or the end of an outage.'
    severity: 2
    window: 'PT10M'
    query: '''AppMetrics
| where Name == "ingest.latency"
| summarize Seconds = sum(Sum) / sum(ItemCount)
| where Seconds > 60'''
  }
  {
    name: 'nobody-reads'
    description: 'Devices send, and the app takes nothing.'
    severity: 1
    window: 'PT15M'
    query: '''let received = toscalar(AppMetrics | where Name == "ingest.readings.received" | summarize sum(Sum));
AzureMetrics
| where MetricName == "d2c.telemetry.ingress.success"
| summarize Sent = sum(Total)
| where Sent > 0 and coalesce(received, 0.0) == 0'''
  }
  {
    name: 'calls-fail'
    description: 'IngestTelemetry fails while the database is well: the host cannot hand a batch over.'
    severity: 1
    window: 'PT10M'
    query: '''let outages = toscalar(AppTraces | where tostring(Properties.EventId) == "1001" | summarize count());
AppRequests
| where (Name == "IngestTelemetry" or OperationName == "IngestTelemetry") and Success == false
| summarize Failed = count()
| where Failed > 0 and outages == 0'''
  }
  {
    name: 'missed'
    description: 'The hub dropped events before they were read: the only loss there is.'
    severity: 1
    window: 'PT15M'
    query: '''AppMetrics
| where Name == "ingest.messages.missed"
| summarize Missed = sum(Sum)
| where Missed > 0'''
  }
  {
    name: 'dead-letters'
    description: 'Devices send what is no reading.'
    severity: 3
    window: 'PT15M'
    query: replace('''AppMetrics
| where Name == "ingest.readings.dead_lettered"
| summarize Readings = sum(Sum) by Reason = tostring(Properties.reason)
| where Readings > TOLERATED''', 'TOLERATED', string(deadLettersTolerated))
  }
  {
    name: 'not-kept'
    description: 'More dead letters than are kept: a device repeats what is no reading.'
    severity: 3
    window: 'PT15M'
    query: '''AppMetrics
| where Name == "ingest.readings.not_kept"
| summarize Readings = sum(Sum)
| where Readings > 0'''
  }
  {
    name: 'operator-needed'
    description: 'A defect or a contradiction that does not pass by itself: a flush that differs from what is stored, a writer that ended, a lookup that Cosmos DB refuses.'
    severity: 2
    window: 'PT15M'
    query: '''AppTraces
| extend Event = tostring(Properties.EventId)
| where Event in ("1010", "6002", "6004") or (Event == "1008" and (Message has "differ" or tostring(Properties.Failure) has "differ"))
| project TimeGenerated, Message'''
  }
  {
    name: 'cap-reached'
    description: 'The daily cap of the logs is reached: until it is reset, the alarms that look at logs are silent.'
    severity: 1
    window: 'PT15M'
    query: '''_LogOperation
| where Category =~ "Ingestion" and Detail has "OverQuota"'''
  }
]

resource logRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alarm in logAlarms: {
    name: '${name}-${alarm.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: '${name}: ${alarm.name}'
      description: alarm.description
      severity: alarm.severity
      enabled: true
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: alarm.window
      // A table that nothing was written to yet does not exist yet.
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: alarm.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
          }
        ]
      }
      actions: {
        actionGroups: [people.id]
      }
    }
  }
]

type platformAlarm = {
  @description('Name of the rule.')
  name: string
  @description('What it means.')
  description: string
  @description('Resource that is asked.')
  scope: string
  @description('Its metric.')
  metric: string
  @description('How the values of the window are put together.')
  aggregation: 'Average' | 'Maximum' | 'Total'
  operator: 'LessThan' | 'GreaterThan'
  threshold: int
  @description('Of which values of a dimension alone.')
  dimensions: { name: string, operator: 'Include', values: string[] }[]?
  @description('How often it is asked, as an ISO 8601 duration. Default: every minute.')
  frequency: string?
  @description('How far back it looks each time. Default: five minutes.')
  window: string?
}

// The server has databases of its own, so it is asked of one database. A window of hours is not asked every
// minute.
var nothingStored platformAlarm = {
  name: 'nothing-stored'
  description: 'The database has stored no row at all, neither readings nor dead letters, and lives: the app does not reach it or may not write, the app reads nothing, or no device sends.'
  scope: serverId
  metric: 'tup_inserted'
  aggregation: 'Total'
  operator: 'LessThan'
  threshold: 1
  dimensions: [{ name: 'DatabaseName', operator: 'Include', values: [databaseName] }]
  frequency: 'PT15M'
  window: silenceTolerated
}

var livingAlarms platformAlarm[] = [
  {
    name: 'app-dead'
    description: 'The platform\'s health check finds no instance that answers.'
    scope: appId
    metric: 'HealthCheckStatus'
    aggregation: 'Average'
    operator: 'LessThan'
    threshold: 50
  }
  {
    name: 'database-dead'
    description: 'The database server is down.'
    scope: serverId
    metric: 'is_db_alive'
    aggregation: 'Maximum'
    operator: 'LessThan'
    threshold: 1
  }
  {
    name: 'disk-full'
    description: 'The database\'s disk is nearly full, although it grows by itself.'
    scope: serverId
    metric: 'storage_percent'
    aggregation: 'Average'
    operator: 'GreaterThan'
    threshold: 90
  }
]

var platformAlarms = concat(livingAlarms, empty(silenceTolerated) ? [] : [nothingStored])

resource platformRules 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for alarm in platformAlarms: {
    name: '${name}-${alarm.name}'
    location: 'global'
    tags: tags
    properties: {
      description: alarm.description
      severity: 1
      enabled: true
      scopes: [alarm.scope]
      evaluationFrequency: alarm.?frequency ?? 'PT1M'
      windowSize: alarm.?window ?? 'PT5M'
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            criterionType: 'StaticThresholdCriterion'
            name: alarm.name
            metricName: alarm.metric
            timeAggregation: alarm.aggregation
            dimensions: alarm.?dimensions ?? []
            operator: alarm.operator
            threshold: alarm.threshold
          }
        ]
      }
      actions: [
        {
          actionGroupId: people.id
        }
      ]
    }
  }
]
