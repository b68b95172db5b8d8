metadata description = 'One ingest command inside the locked network: a container in the jobs\' subnet, under an identity that may use the database and nothing else. console.sh deploys this and removes it again.'

import { databaseName, liveConsumerGroup, namesOf } from 'modules/names.bicep'

@description('Short name of the installation, as given to main.bicep.')
@minLength(3)
@maxLength(10)
param name string = 'ingest'

@description('Azure region of everything.')
param location string = resourceGroup().location

@description('Name of the database server in use: main.bicep\'s output postgresName. Empty: that of names.bicep.')
param databaseServer string = ''

@description('Name of the container, and of the share of the jobs\' account that holds the program.')
param run string

@description('What the program is called with, such as [\'status\'].')
param arguments string[]

@description('Whether the command changes tables: it then acts as their owner.')
param asOwner bool = false

var names = namesOf(name, resourceGroup().id)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
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

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' existing = {
  name: names.iotHub
}

resource storage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: names.jobsStorage
}

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: names.functionApp

  resource settings 'config' existing = {
    name: 'appsettings'
  }
}

var events = hub.properties.eventHubEndpoints.events
var serviceKey = filter(hub.listkeys().value, policy => policy.keyName == 'service')[0].primaryKey

// The mapping has to be the app's, or a replay would store something else than the app does.
var sharedSections = ['Telemetry__', 'Commit__', 'DeadLetters__', 'Hub__']
var sharedSettings = map(
  filter(items(app::settings.list().properties), setting => !empty(filter(sharedSections, section => startsWith(setting.key, section)))),
  setting => { name: setting.key, secureValue: setting.value }
)

var role = asOwner ? ';Options=-c role=ingest_owner' : ''

resource console 'Microsoft.ContainerInstance/containerGroups@2025-09-01' = {
  name: run
  location: location
  tags: { 'ingest-installation': name }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    osType: 'Linux'
    restartPolicy: 'Never'
    sku: 'Standard'
    subnetIds: [
      {
        id: network::jobs.id
      }
    ]
    containers: [
      {
        name: 'ingest'
        properties: {
          image: 'mcr.microsoft.com/dotnet/aspnet:10.0'
          command: concat(['dotnet', '/program/Ingest.Cli.dll'], arguments)
          environmentVariables: concat(sharedSettings, [
            { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
            {
              name: 'Database__ConnectionString'
              value: 'Host=${server.properties.fullyQualifiedDomainName};Database=${databaseName};Username=${identity.name};SSL Mode=VerifyFull;Maximum Pool Size=2;Application Name=ingest-console${role}'
            }
            { name: 'Database__EntraAuthentication', value: 'true' }
            {
              name: 'Hub__ConnectionString'
              secureValue: 'Endpoint=${events.endpoint};SharedAccessKeyName=service;SharedAccessKey=${serviceKey};EntityPath=${events.path}'
            }
            { name: 'Hub__ConsumerGroup', value: liveConsumerGroup }
            // The jobs' subnet is let out on 443.
            { name: 'Hub__Transport', value: 'AmqpWebSockets' }
          ])
          resources: {
            requests: {
              cpu: 1
              memoryInGB: json('2')
            }
          }
          volumeMounts: [
            {
              name: 'program'
              mountPath: '/program'
              readOnly: true
            }
          ]
        }
      }
    ]
    volumes: [
      {
        name: 'program'
        azureFile: {
          shareName: run
          readOnly: true
          storageAccountName: storage.name
          storageAccountKey: storage.listKeys().keys[0].value
        }
      }
    ]
  }
}
