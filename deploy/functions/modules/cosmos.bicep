// The device documents. The account answers to the functions' subnet only, without exceptions for other services, and
// takes Entra tokens only; the app may read and no more.

import { cosmosContainerName, cosmosDatabaseName } from 'names.bicep'

@description('Name of the account.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Pay per request, or provisioned throughput that scales between a tenth of a ceiling and the ceiling.')
@allowed(['serverless', 'autoscale'])
param capacity string

@description('The ceiling in request units a second. Autoscale only.')
@minValue(1000)
param maxThroughput int

@description('Whether it is spread over availability zones.')
param zoneRedundant bool

@description('Resource id of the functions\' subnet.')
param functionsSubnetId string

@description('Object id of the app\'s identity.')
param appPrincipalId string

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-04-15' = {
  name: name
  location: location
  tags: union(tags, { 'ingest-data': 'device documents' })
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    capabilities: capacity == 'serverless' ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    // To any second of the last seven days, at no charge.
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: 'Continuous7Days'
      }
    }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: 'Enabled'
    ipRules: []
    isVirtualNetworkFilterEnabled: true
    virtualNetworkRules: [
      {
        id: functionsSubnetId
        ignoreMissingVNetServiceEndpoint: false
      }
    ]
    networkAclBypass: 'None'
    networkAclBypassResourceIds: []
  }

  resource database 'sqlDatabases' = {
    name: cosmosDatabaseName
    properties: {
      resource: {
        id: cosmosDatabaseName
      }
    }

    resource container 'containers' = {
      name: cosmosContainerName
      properties: {
        options: capacity == 'autoscale'
          ? {
              autoscaleSettings: {
                maxThroughput: maxThroughput
              }
            }
          : {}
        resource: {
          id: cosmosContainerName
          partitionKey: {
            kind: 'Hash'
            paths: ['/id']
            version: 2
          }
        }
      }
    }
  }

  // Cosmos DB Built-in Data Reader, on the lookup's container alone.
  resource appAccess 'sqlRoleAssignments' = {
    name: guid(name, appPrincipalId, 'reader')
    properties: {
      principalId: appPrincipalId
      roleDefinitionId: '${account.id}/sqlRoleDefinitions/00000000-0000-0000-0000-000000000001'
      scope: '${account.id}/dbs/${cosmosDatabaseName}/colls/${cosmosContainerName}'
    }
    dependsOn: [database::container]
  }
}

output endpoint string = account.properties.documentEndpoint
