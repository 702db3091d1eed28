// Package sarama takes the place of the Kafka client in the lab's Jaeger. It has the names that Jaeger uses, and connects to nothing.
package sarama

import (
	"crypto/tls"
	"errors"
	"time"
)

var errUnused = errors.New("this Jaeger was built without Kafka; use an official release")

// Config has the fields that Jaeger sets.
type Config struct {
	Net struct {
		SASL struct {
			Enable                   bool
			User, Password           string
			Mechanism                SASLMechanism
			SCRAMClientGeneratorFunc func() SCRAMClient
			GSSAPI                   struct {
				AuthType                                                               int
				KeyTabPath, KerberosConfigPath, ServiceName, Username, Password, Realm string
				DisablePAFXFAST                                                        bool
			}
		}
		TLS struct {
			Enable bool
			Config *tls.Config
		}
	}
	Producer struct {
		Compression      CompressionCodec
		CompressionLevel int
		Flush            struct {
			Bytes, Messages, MaxMessages int
			Frequency                    time.Duration
		}
		MaxMessageBytes int
		RequiredAcks    RequiredAcks
		Return          struct{ Successes bool }
	}
	Version KafkaVersion
}

// The types of the settings, and their values.
type (
	CompressionCodec int8
	KafkaVersion     struct{}
	RequiredAcks     int16
	SASLMechanism    string
)

const (
	CompressionNone CompressionCodec = iota
	CompressionGZIP
	CompressionSnappy
	CompressionLZ4
	CompressionZSTD

	KRB5_USER_AUTH   = 1
	KRB5_KEYTAB_AUTH = 2

	NoResponse   RequiredAcks = 0
	WaitForLocal RequiredAcks = 1
	WaitForAll   RequiredAcks = -1

	SASLTypeGSSAPI      = "GSSAPI"
	SASLTypePlaintext   = "PLAIN"
	SASLTypeSCRAMSHA256 = "SCRAM-SHA-256"
	SASLTypeSCRAMSHA512 = "SCRAM-SHA-512"
)

// SCRAMClient is implemented by Jaeger and never used.
type SCRAMClient interface {
	Begin(userName, password, authzID string) error
	Step(challenge string) (string, error)
	Done() bool
}

// AsyncProducer is never made.
type AsyncProducer interface {
	Close() error
	Errors() <-chan *ProducerError
	Input() chan<- *ProducerMessage
	Successes() <-chan *ProducerMessage
}

// What a producer would send and report.
type (
	ByteEncoder     []byte
	StringEncoder   string
	ProducerError   struct{ Err error }
	ProducerMessage struct {
		Topic      string
		Key, Value any
	}
)

// NewConfig returns an empty configuration.
func NewConfig() *Config {
	return &Config{}
}

// ParseKafkaVersion always fails.
func ParseKafkaVersion(string) (KafkaVersion, error) {
	return KafkaVersion{}, errUnused
}

// NewAsyncProducer always fails.
func NewAsyncProducer([]string, *Config) (AsyncProducer, error) {
	return nil, errUnused
}
