// What hub, database, vault and storage say of themselves, into the workspace: metrics of the hub, which an alarm needs,
// and the logs that answer "who did that" without being a line a message.

@description('Resource id of the workspace.')
param workspaceId string

@description('Name of the IoT hub.')
param iotHubName string

@description('Name of the PostgreSQL server.')
param serverName string

@description('Name of the key vault.')
param keyVaultName string

@description('Name of the storage account for leases and checkpoints.')
param stateStorageName string

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: iotHubName
}

resource hubDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: hub
  properties: {
    workspaceId: workspaceId
    metrics: [{ category: 'AllMetrics', enabled: true }]
    logs: [
      { category: 'Configurations', enabled: true }
      { category: 'DeviceIdentityOperations', enabled: true }
    ]
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' existing = {
  name: serverName
}

resource serverDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: server
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'PostgreSQLLogs', enabled: true }]
  }
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource vaultDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

resource state 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: stateStorageName

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

// Reads and writes would be a line a checkpoint.
resource stateDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'workspace'
  scope: state::blobs
  properties: {
    workspaceId: workspaceId
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}
