// The Function app: Linux Elastic Premium, .NET isolated. All it sends goes through the virtual network; it and its
// scm site answer to the callers' subnet and to named administrators, and to nobody else.

import { cosmosContainerName, cosmosDatabaseName, databaseName, liveConsumerGroup } from 'names.bicep'

@description('Name of the app.')
param name string

@description('Name of its plan.')
param planName string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Machine of an instance: 1, 2 or 4 cores.')
@allowed(['EP1', 'EP2', 'EP3'])
param sku string

@description('Instances that always run.')
@minValue(1)
@maxValue(20)
param minimumInstances int

@description('Most instances. More than the hub has partitions would be idle.')
@minValue(1)
@maxValue(32)
param maximumInstances int

@description('Whether instances are spread over availability zones. Needs three minimum instances.')
param zoneRedundant bool

@description('Resource id of the callers\' subnet.')
param callersSubnetId string

@description('Resource id of the functions\' subnet.')
param functionsSubnetId string

@description('Addresses (CIDR) from which administrators reach the app and its scm site.')
param administratorAddresses string[]

@description('The app\'s identity.')
param identity {
  id: string
  clientId: string
  name: string
}

@description('Account for leases and checkpoints.')
param stateStorageName string

@description('The content share.')
param contentShareName string

@description('Key Vault reference of the content share\'s connection string.')
param contentShareReference string

@description('Key Vault reference of the connection string of the hub\'s built-in endpoint.')
param eventHubReference string

@description('Event Hubs-compatible name of the built-in endpoint.')
param eventHubName string

@description('Endpoint of the Cosmos DB account.')
param cosmosEndpoint string

@description('Host name of the PostgreSQL server.')
param databaseHost string

@description('Connection string of Application Insights. It opens nothing by itself: ingestion takes Entra tokens.')
param insightsConnectionString string

@description('Further settings of the program, such as Telemetry__Table. They win over the ones below. One may hold a password.')
@secure()
param extraSettings { *: string }

// What the program reads. A name here and a name there are the same name, or the program does not start.
var programSettings = {
  AZURE_CLIENT_ID: identity.clientId
  Commit__GiveUpAfterSeconds: '240'
  Cosmos__accountEndpoint: cosmosEndpoint
  CosmosContainer: cosmosContainerName
  CosmosDatabase: cosmosDatabaseName
  Database__ConnectionString: 'Host=${databaseHost};Port=5432;Database=${databaseName};Username=${identity.name};SSL Mode=VerifyFull;Maximum Pool Size=4;Application Name=ingest-functions'
  Database__EntraAuthentication: 'true'
  EventHub: eventHubReference
  HubConsumerGroup: liveConsumerGroup
  HubName: eventHubName
}

// What the platform and the Functions host read.
var platformSettings = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD;ClientId=${identity.clientId}'
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  AzureWebJobsStorage__accountName: stateStorageName
  AzureWebJobsStorage__clientId: identity.clientId
  AzureWebJobsStorage__credential: 'managedidentity'
  FUNCTIONS_EXTENSION_VERSION: '~4'
  FUNCTIONS_WORKER_RUNTIME: 'dotnet-isolated'
  WEBSITE_CONTENTAZUREFILECONNECTIONSTRING: contentShareReference
  WEBSITE_CONTENTSHARE: contentShareName
  WEBSITE_RUN_FROM_PACKAGE: '1'
  WEBSITE_SKIP_CONTENTSHARE_VALIDATION: '1'
}

var callersRule = {
  name: 'callers'
  description: 'The callers\' subnet, by its service endpoint'
  action: 'Allow'
  priority: 100
  vnetSubnetResourceId: callersSubnetId
}

var administratorRules = map(range(0, length(administratorAddresses)), i => {
  name: 'administrator-${i}'
  description: 'An administrator\'s address'
  action: 'Allow'
  priority: 200 + i
  ipAddress: administratorAddresses[i]
})

var allowedCallers = concat([callersRule], administratorRules)

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'elastic'
  sku: {
    name: sku
    tier: 'ElasticPremium'
    capacity: minimumInstances
  }
  properties: {
    reserved: true
    maximumElasticWorkerCount: maximumInstances
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identity.id
    publicNetworkAccess: 'Enabled'
    virtualNetworkSubnetId: functionsSubnetId
    outboundVnetRouting: {
      allTraffic: true
      applicationTraffic: true
      contentShareTraffic: true
      imagePullTraffic: true
    }
    siteConfig: {
      linuxFxVersion: 'DOTNET-ISOLATED|10.0'
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      use32BitWorkerProcess: false
      functionsRuntimeScaleMonitoringEnabled: true
      minimumElasticInstanceCount: minimumInstances
      functionAppScaleLimit: maximumInstances
      healthCheckPath: '/api/live'
      ipSecurityRestrictionsDefaultAction: 'Deny'
      ipSecurityRestrictions: allowedCallers
      // Not "use main": the package upload opens scm alone, and only while it lasts.
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: 'Deny'
      scmIpSecurityRestrictions: allowedCallers
    }
  }

  // Only now: the content share's connection string is resolved through the network, with the identity, from the vault,
  // so all three have to be there before it is read for the first time.
  resource settings 'config' = {
    name: 'appsettings'
    properties: union(platformSettings, programSettings, extraSettings)
  }

  resource ftpPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: {
      allow: false
    }
  }

  resource scmPublishing 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: {
      allow: false
    }
  }
}

output hostName string = app.properties.defaultHostName
output scmHostName string = filter(app.properties.hostNameSslStates, state => state.hostType == 'Repository')[0].name
output id string = app.id
