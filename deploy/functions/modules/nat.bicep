// One outbound address that other firewalls can name: IoT Hub's IP filter sees it when the functions read.

@description('Name of the NAT gateway.')
param name string

@description('Azure region.')
param location string

@description('Tags of everything.')
param tags { *: string }

resource address 'Microsoft.Network/publicIPAddresses@2025-05-01' = {
  name: '${name}-address'
  location: location
  tags: tags
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
