// What is seen of an installation: the alarms, what the services say of themselves, and a page to look at.

@description('Short name of the installation.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('E-mail addresses that alarms go to.')
param addresses string[]

@description('Dead-lettered readings of one reason in a quarter of an hour from which on somebody is told.')
param deadLettersTolerated int

@description('Resource id of the workspace.')
param workspaceId string

@description('Resource id of the Function app.')
param appId string

@description('Resource id of the PostgreSQL server.')
param serverId string

@description('Name of the IoT hub.')
param iotHubName string

@description('Name of the PostgreSQL server.')
param serverName string

@description('Name of the key vault.')
param keyVaultName string

@description('Name of the storage account for leases and checkpoints.')
param stateStorageName string

module diagnostics 'diagnostics.bicep' = {
  name: '${deployment().name}-diagnostics'
  params: {
    workspaceId: workspaceId
    iotHubName: iotHubName
    serverName: serverName
    keyVaultName: keyVaultName
    stateStorageName: stateStorageName
  }
}

module alarms 'alarms.bicep' = {
  name: '${deployment().name}-alarms'
  params: {
    name: name
    location: location
    tags: tags
    addresses: addresses
    deadLettersTolerated: deadLettersTolerated
    workspaceId: workspaceId
    appId: appId
    serverId: serverId
  }
  // It asks for the hub's metrics in the workspace.
  dependsOn: [diagnostics]
}

module workbook 'workbook.bicep' = {
  name: '${deployment().name}-workbook'
  params: {
    title: 'Ingest: ${name}'
    location: location
    tags: tags
    workspaceId: workspaceId
  }
}
