metadata description = 'What has to run inside the locked network, and the rights it needs for it. deploy.sh and verify.sh deploy this after main.bicep and take the rights away again when it ends, however it ends.'

import { databasePackages } from 'modules/job.bicep'
import { cosmosContainerName, cosmosDatabaseName, databaseName, namesOf } from 'modules/names.bicep'

@description('Short name of the installation, as given to main.bicep.')
@minLength(3)
@maxLength(10)
param name string = 'ingest'

@description('Azure region of everything.')
param location string = resourceGroup().location

@description('Object id of the jobs\' identity: main.bicep\'s output jobsPrincipalId.')
param jobsPrincipalId string

@description('install: apply the migration, make the app\'s database role, put the device\'s document. verify: send a message as a device and wait for its row.')
@allowed(['install', 'verify'])
param task string

@description('Name of the database server in use: main.bicep\'s output postgresName. Empty: that of names.bicep.')
param databaseServer string = ''

@description('install: the sql folder, as base64 of a tar.gz.')
param migration string = ''

@description('install: device whose document is put into Cosmos DB. Empty: none.')
param seedDevice string = ''

@description('verify: device that sends the message. It is registered when it does not exist.')
param verifyDevice string = ''

@description('verify: rows the device has in the table when the message has arrived.')
@minValue(1)
param verifyRows int = 1

@description('verify: how long the row may take, in seconds.')
@minValue(1)
@maxValue(1200)
param verifySeconds int = 30

@description('Changes with every run.')
param runId string = utcNow('yyyyMMddHHmmss')

var tags = { 'ingest-installation': name }
var names = namesOf(name, resourceGroup().id)
var install = task == 'install'
var seed = install && !empty(seedDevice)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.jobsIdentity
}

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.appIdentity
}

resource consoleIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: names.consoleIdentity
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' existing = {
  name: names.network

  resource jobs 'subnets' existing = {
    name: 'jobs'
  }
}

resource server 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' existing = {
  name: empty(databaseServer) ? names.postgres : databaseServer
}

resource cosmos 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' existing = {
  name: names.cosmos
}

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: names.iotHub
}

// The container mounts a share of this account, and mounting takes its key; the service that runs deployment scripts
// writes the script there as a trusted one, past the rules. What is kept here is scripts and their logs.
resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: names.jobsStorage
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: 'Deny'
      ipRules: []
      virtualNetworkRules: [
        {
          id: network::jobs.id
          action: 'Allow'
        }
      ]
    }
  }
}

// Storage File Data Privileged Contributor: what a deployment script asks of its own account in a private network.
var useShare = '69566ab7-960f-475b-8e7c-b3118f30c6bd'

resource shareAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identity.id, useShare)
  scope: storage
  properties: {
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', useShare)
  }
}

resource databaseAccess 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: server
  name: jobsPrincipalId
  properties: {
    principalName: identity.name
    principalType: 'ServicePrincipal'
    tenantId: tenant().tenantId
  }
}

// Cosmos DB Built-in Data Contributor, on the lookup's container alone.
resource containerAccess 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-04-15' = if (seed) {
  parent: cosmos
  name: guid(cosmos.id, identity.id, 'contributor')
  properties: {
    principalId: jobsPrincipalId
    roleDefinitionId: '${cosmos.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000002'
    scope: '${cosmos.id}/dbs/${cosmosDatabaseName}/colls/${cosmosContainerName}'
  }
}

// IoT Hub Data Contributor: to register the device that verify.sh speaks as.
var registerDevices = '4fc6c259-987e-4a07-842e-c321cc9d413f'

resource hubAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!install) {
  name: guid(hub.id, identity.id, registerDevices)
  scope: hub
  properties: {
    principalId: jobsPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', registerDevices)
  }
}

var databaseEnvironment = [
  { name: 'PACKAGES', value: databasePackages }
  { name: 'PGHOST', value: server.properties.fullyQualifiedDomainName }
  { name: 'PGDATABASE', value: databaseName }
  { name: 'PGUSER', value: identity.name }
]

module migrate 'modules/job.bicep' = if (install) {
  name: '${deployment().name}-migrate'
  params: {
    name: '${name}-migrate'
    location: location
    tags: tags
    script: replace(loadTextContent('jobs/migrate.sh'), '__SQL_ARCHIVE__', migration)
    environmentVariables: concat(databaseEnvironment, [
      { name: 'APP_ROLE', value: appIdentity.name }
      { name: 'APP_OBJECT_ID', value: appIdentity.properties.principalId }
      { name: 'CONSOLE_ROLE', value: consoleIdentity.name }
      { name: 'CONSOLE_OBJECT_ID', value: consoleIdentity.properties.principalId }
    ])
    identityId: identity.id
    storageName: storage.name
    subnetId: network::jobs.id
    runId: runId
  }
  dependsOn: [shareAccess, databaseAccess]
}

module put 'modules/job.bicep' = if (seed) {
  name: '${deployment().name}-put'
  params: {
    name: '${name}-seed'
    location: location
    tags: tags
    script: loadTextContent('jobs/seed.sh')
    environmentVariables: [
      { name: 'COSMOS_ENDPOINT', value: cosmos.properties.documentEndpoint }
      { name: 'COSMOS_DATABASE', value: cosmosDatabaseName }
      { name: 'COSMOS_CONTAINER', value: cosmosContainerName }
      { name: 'DEVICE', value: seedDevice }
    ]
    identityId: identity.id
    storageName: storage.name
    subnetId: network::jobs.id
    runId: runId
  }
  dependsOn: [shareAccess, containerAccess]
}

module send 'modules/job.bicep' = if (!install) {
  name: '${deployment().name}-send'
  params: {
    name: '${name}-verify'
    location: location
    tags: tags
    script: loadTextContent('jobs/verify.sh')
    environmentVariables: concat(databaseEnvironment, [
      { name: 'HUB_HOST', value: hub.properties.hostName }
      { name: 'DEVICE', value: verifyDevice }
      { name: 'ROWS', value: string(verifyRows) }
      { name: 'SECONDS_ALLOWED', value: string(verifySeconds) }
    ])
    identityId: identity.id
    storageName: storage.name
    subnetId: network::jobs.id
    runId: runId
  }
  dependsOn: [shareAccess, databaseAccess, hubAccess]
}

@description('verify: rows found and seconds waited.')
output result { *: string } = install ? {} : send!.outputs.result
