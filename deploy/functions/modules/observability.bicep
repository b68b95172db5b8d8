// What is seen of an installation: the alarms, what the services say of themselves, and a page to look at.

import { namesOf } from 'names.bicep'

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

@description('How long the database may store no row at all before somebody is told. Empty: nobody is told.')
param silenceTolerated string

@description('Resource id of the workspace.')
param workspaceId string

@description('Resource id of the Function app.')
param appId string

@description('Resource id of the PostgreSQL server.')
param serverId string

var names = namesOf(name, resourceGroup().id)

module diagnostics 'diagnostics.bicep' = {
  name: '${deployment().name}-diagnostics'
  params: {
    workspaceId: workspaceId
    iotHubName: names.iotHub
    serverName: last(split(serverId, '/'))
    keyVaultName: names.keyVault
    stateStorageName: names.stateStorage
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
    silenceTolerated: silenceTolerated
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
