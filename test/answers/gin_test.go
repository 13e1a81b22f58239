package answers_test

import (
	"github.com/gin-gonic/gin"
)

var _ = gin.New
