// One outbound address that other firewalls can name: IoT Hub's IP filter sees it when the functions read. Standard, which
// lives in one zone: StandardV2 spans zones, and cannot be attached to subnets delegated to Web Apps or Container Instances.

@description('Name of the NAT gateway.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

@description('Zone of the gateway and its address. Empty: Azure chooses.')
param zone string

var zones = empty(zone) ? null : [zone]

resource address 'Microsoft.Network/publicIPAddresses@2025-05-01' = {
  name: '${name}-address'
  location: location
  tags: tags
  zones: zones
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource gateway 'Microsoft.Network/natGateways@2025-05-01' = {
  name: name
  location: location
  tags: tags
  zones: zones
  sku: {
    name: 'Standard'
  }
  properties: {
    idleTimeoutInMinutes: 10
    publicIpAddresses: [
      {
        id: address.id
      }
    ]
  }
}

output id string = gateway.id
output address string = address.properties.ipAddress
