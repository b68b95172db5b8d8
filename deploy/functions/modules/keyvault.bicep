// What cannot be identity-based: the hub's service connection string, and the content share's key. Both are written
// here from the resources they open, so no person and no script ever holds them. Each has two keys, one in use and one
// that can be renewed. The vault answers to the functions' subnet only; Azure Resource Manager writes past its firewall.

@description('Name of the vault.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Resource id of the functions\' subnet.')
param functionsSubnetId string

@description('Object id of the app\'s identity.')
param appPrincipalId string

@description('Name of the IoT hub whose built-in endpoint is read.')
param iotHubName string

@description('Name of the storage account with the content share.')
param contentStorageName string

@description('Which key of the hub\'s policy "service" is written here.')
@allowed(['primary', 'secondary'])
param hubKey string

@description('Which key of the content share\'s account is written here.')
@allowed(['primary', 'secondary'])
param contentShareKey string

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: iotHubName
}

resource content 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: contentStorageName
}

// Purge protection stays off: both secrets are derived, and it would keep a deleted installation's name for days.
resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, {
    'ingest-data': 'secrets'
    'ingest-hub-key': hubKey
    'ingest-share-key': contentShareKey
  })
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 7
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: 'Deny'
      ipRules: []
      virtualNetworkRules: [
        {
          id: functionsSubnetId
        }
      ]
    }
  }
}

// The policy "service" may read device messages and no more than a service may; "iothubowner" is not used.
var servicePolicy = filter(hub.listkeys().value, policy => policy.keyName == 'service')[0]
var serviceKey = hubKey == 'primary' ? servicePolicy.primaryKey : servicePolicy.secondaryKey
var shareKey = content.listKeys().keys[contentShareKey == 'primary' ? 0 : 1].value
var events = hub.properties.eventHubEndpoints.events

resource eventHub 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'event-hub'
  properties: {
    contentType: 'connection string of the hub\'s built-in endpoint'
    value: 'Endpoint=${events.endpoint};SharedAccessKeyName=service;SharedAccessKey=${serviceKey};EntityPath=${events.path}'
  }
}

resource contentShare 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = {
  parent: vault
  name: 'content-share'
  properties: {
    contentType: 'connection string of the content share\'s account'
    value: 'DefaultEndpointsProtocol=https;AccountName=${content.name};AccountKey=${shareKey};EndpointSuffix=${environment().suffixes.storage}'
  }
}

// Key Vault Secrets User.
var readSecrets = '4633458b-17de-408a-b874-0445c86b69e6'

// On the two secrets, not on the vault: what else somebody puts there is not the app's.
resource eventHubAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(eventHub.id, appPrincipalId, readSecrets)
  scope: eventHub
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', readSecrets)
  }
}

resource contentShareAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(contentShare.id, appPrincipalId, readSecrets)
  scope: contentShare
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', readSecrets)
  }
}

// References without a version: the app picks up a rotated value within a day, or at once when deploy.sh has them refreshed.
output eventHubReference string = '@Microsoft.KeyVault(SecretUri=${eventHub.properties.secretUri})'
output contentShareReference string = '@Microsoft.KeyVault(SecretUri=${contentShare.properties.secretUri})'
