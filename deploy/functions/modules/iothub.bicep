// IoT Hub, its built-in endpoint and two consumer groups of our own. IoT Hub has no service endpoint: what can be
// locked is the address. The IP filter counts for devices and for the built-in endpoint alike, so a locked hub has to
// name where its devices come from.

import { liveConsumerGroup, replayConsumerGroup } from 'names.bicep'

@description('Name of the hub.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Edition and units. B1, S1: 400,000 messages a day and unit; S2: 6 million; S3: 300 million.')
param sku {
  name: 'B1' | 'S1' | 'S2' | 'S3'
  @minValue(1)
  @maxValue(200)
  capacity: int
}

@description('Partitions of the built-in endpoint. They cannot be changed later; no more instances than partitions read at once.')
@minValue(2)
@maxValue(32)
param partitions int

@description('Days the hub keeps messages: how far back a replay can reach.')
@minValue(1)
@maxValue(7)
param retentionDays int

@description('Whether only the named addresses reach the hub, its built-in endpoint included.')
param locked bool

@description('Outbound addresses of the functions, which reach a locked hub.')
param functionsAddresses string[]

@description('Further addresses (CIDR) that reach a locked hub: the devices, administrators.')
param allowedAddresses string[]

var allowed = concat(map(functionsAddresses, address => '${address}/32'), allowedAddresses)

resource hub 'Microsoft.Devices/IotHubs@2023-06-30' = {
  name: name
  location: location
  tags: union(tags, { 'ingest-data': 'messages that wait' })
  sku: sku
  properties: {
    publicNetworkAccess: 'Enabled'
    eventHubEndpoints: {
      events: {
        partitionCount: partitions
        retentionTimeInDays: retentionDays
      }
    }
    networkRuleSets: {
      defaultAction: locked ? 'Deny' : 'Allow'
      applyToBuiltInEventHubEndpoint: locked
      ipRules: locked
        ? map(range(0, length(allowed)), i => {
            filterName: 'allowed-${i}'
            action: 'Allow'
            ipMask: allowed[i]
          })
        : []
    }
  }
}

resource live 'Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups@2023-06-30' = {
  name: '${hub.name}/events/${liveConsumerGroup}'
  properties: {
    name: liveConsumerGroup
  }
}

// One after the other: the hub refuses two changes at once.
resource replay 'Microsoft.Devices/IotHubs/eventHubEndpoints/ConsumerGroups@2023-06-30' = {
  name: '${hub.name}/events/${replayConsumerGroup}'
  properties: {
    name: replayConsumerGroup
  }
  dependsOn: [live]
}

output hostName string = hub.properties.hostName
output eventHubName string = hub.properties.eventHubEndpoints.events.path
