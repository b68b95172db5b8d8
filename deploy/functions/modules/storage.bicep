// Two accounts, because they need different locks. State (the host's leases and the trigger's checkpoints) takes the
// app's identity and no keys. Content (the share the app runs from) is mounted over SMB, which only a key opens; the
// key lives in Key Vault. Both answer to the functions' subnet only.

@description('Name of the account for leases and checkpoints.')
param stateName string

@description('Name of the account for the content share.')
param contentName string

@description('Name of the content share.')
param shareName string

@description('Quota of the content share in GB.')
param shareGigabytes int

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Redundancy of both accounts.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param sku string

@description('Resource id of the functions\' subnet.')
param functionsSubnetId string

@description('Object id of the app\'s identity.')
param appPrincipalId string

var networkRules = {
  bypass: 'None'
  defaultAction: 'Deny'
  ipRules: []
  virtualNetworkRules: [
    {
      id: functionsSubnetId
      action: 'Allow'
    }
  ]
}

resource state 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: stateName
  location: location
  tags: union(tags, { 'ingest-data': 'checkpoints' })
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    minimumTlsVersion: 'TLS1_2'
    networkAcls: networkRules
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
  }
}

resource content 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: contentName
  location: location
  tags: union(tags, { 'ingest-data': 'the app' })
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: true
    minimumTlsVersion: 'TLS1_2'
    networkAcls: networkRules
    publicNetworkAccess: 'Enabled'
    supportsHttpsTrafficOnly: true
  }

  resource files 'fileServices' = {
    name: 'default'

    // The platform cannot create the share behind these network rules: it has to be there before the app.
    resource share 'shares' = {
      name: shareName
      properties: {
        shareQuota: shareGigabytes
      }
    }
  }
}

// Storage Blob Data Owner, Storage Queue Data Contributor, Storage Table Data Contributor: what the Functions host asks
// of AzureWebJobsStorage.
var hostRoles = [
  'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
]

resource hostAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in hostRoles: {
    name: guid(state.id, appPrincipalId, role)
    scope: state
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

output stateBlobs string = state.properties.primaryEndpoints.blob
output contentFiles string = content.properties.primaryEndpoints.file
