// PostgreSQL with TimescaleDB in its own subnet: no public address, Entra tokens only. Azure ships TimescaleDB's
// Apache-2 edition, and none for PostgreSQL 18 yet. The library is loaded at the next restart: deploy.sh sees to it.

import { listed } from 'found.bicep'
import { databaseName } from 'names.bicep'

@description('Name of the server.')
param name string

@description('What the private zone is called: the first server\'s name, which a restored one keeps.')
param zoneName string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Machine. Burstable for a trial, GeneralPurpose or MemoryOptimized for production.')
param sku {
  name: string
  tier: 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized'
}

@description('Disk in GB. It grows by itself and never shrinks.')
@minValue(32)
param storageGigabytes int

@description('Value of azure.extensions that is there already. What it names stays allowed.')
param foundExtensions string

@description('Value of shared_preload_libraries that is there already. What it names is still loaded.')
param foundLibraries string

@description('Days of backups.')
@minValue(7)
@maxValue(35)
param backupRetentionDays int

@description('Whether backups are kept in the paired region too. It cannot be changed later.')
param geoRedundantBackup bool

@description('A standby server: none, in the same zone, or in another one. Not for Burstable.')
@allowed(['Disabled', 'SameZone', 'ZoneRedundant'])
param highAvailability string

@description('Standing Entra administrators of the server.')
param administrators {
  objectId: string
  name: string
  type: 'User' | 'Group' | 'ServicePrincipal'
}[]

@description('Resource id of the virtual network.')
param networkId string

@description('Resource id of the database\'s subnet.')
param databaseSubnetId string

// Azure's own, until the server has a list of its own.
var loadedBefore = empty(listed(foundLibraries)) ? ['pg_cron', 'pg_stat_statements'] : listed(foundLibraries)

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: '${zoneName}.private.postgres.database.azure.com'
  location: 'global'
  tags: tags

  resource link 'virtualNetworkLinks' = {
    name: 'network'
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: networkId
      }
    }
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: name
  location: location
  tags: union(tags, { 'ingest-data': 'readings' })
  sku: sku
  properties: {
    version: '17'
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: tenant().tenantId
    }
    storage: {
      storageSizeGB: storageGigabytes
      autoGrow: 'Enabled'
    }
    backup: {
      backupRetentionDays: backupRetentionDays
      geoRedundantBackup: geoRedundantBackup ? 'Enabled' : 'Disabled'
    }
    highAvailability: {
      mode: highAvailability
    }
    network: {
      delegatedSubnetResourceId: databaseSubnetId
      privateDnsZoneArmResourceId: zone.id
      publicNetworkAccess: 'Disabled'
    }
  }
  dependsOn: [zone::link]

  resource database 'databases' = {
    name: databaseName
    properties: {
      charset: 'UTF8'
      collation: 'en_US.utf8'
    }
  }

  // The server takes one change at a time: each of these waits for the one before.
  resource extensions 'configurations' = {
    name: 'azure.extensions'
    properties: {
      source: 'user-override'
      value: join(union(listed(foundExtensions), ['timescaledb']), ',')
    }
    dependsOn: [database]
  }

  resource libraries 'configurations' = {
    name: 'shared_preload_libraries'
    properties: {
      source: 'user-override'
      value: join(union(loadedBefore, ['timescaledb']), ',')
    }
    dependsOn: [extensions]
  }

  // The server's metric of rows inserted, which an alarm asks for. It needs no restart.
  resource activity 'configurations' = {
    name: 'metrics.collector_database_activity'
    properties: {
      source: 'user-override'
      value: 'on'
    }
    dependsOn: [libraries]
  }
}

@batchSize(1)
resource standingAdministrators 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = [
  for administrator in administrators: {
    parent: server
    name: administrator.objectId
    properties: {
      principalName: administrator.name
      principalType: administrator.type
      tenantId: tenant().tenantId
    }
    dependsOn: [server::activity]
  }
]

output hostName string = server.properties.fullyQualifiedDomainName
output id string = server.id
