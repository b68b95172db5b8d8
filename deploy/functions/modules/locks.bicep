// What holds data cannot be deleted, nor what lies inside it, before somebody has removed the lock. Changes and the data
// themselves are not what it keeps. The scripts, which delete rights inside, lift it for as long as that takes
// (lib/locks.sh).

@description('Name of the IoT hub.')
param iotHubName string

@description('Name of the PostgreSQL server.')
param serverName string

@description('Name of the key vault.')
param keyVaultName string

@description('Name of the Cosmos DB account.')
param cosmosName string

@description('Names of the storage accounts.')
param storageNames string[]

var lockName = 'ingest-data'
var lock = {
  level: 'CanNotDelete'
  notes: 'It holds data of Ingest.'
}

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: iotHubName
}

resource hubLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: lockName
  scope: hub
  properties: lock
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' existing = {
  name: serverName
}

resource serverLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: lockName
  scope: server
  properties: lock
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: keyVaultName
}

resource vaultLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: lockName
  scope: vault
  properties: lock
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: cosmosName
}

resource cosmosLock 'Microsoft.Authorization/locks@2020-05-01' = {
  name: lockName
  scope: cosmos
  properties: lock
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = [
  for storageName in storageNames: {
    name: storageName
  }
]

resource storageLocks 'Microsoft.Authorization/locks@2020-05-01' = [
  for i in range(0, length(storageNames)): {
    name: lockName
    scope: storage[i]
    properties: lock
  }
]
